{#- SQL: whether a DATE is a day that is built in this run. -#}
{% macro in_rebuilt_days(column) -%}
    {{ in_spans(column, rebuilt_day_spans()) if is_increment() else 'true' }}
{%- endmacro %}
