{#- SQL: whether a DATE is in a month that is built in this run, or at most so many days before one. -#}
{% macro in_rebuilt_months(column, days_before=0) -%}
    {{ rebuilt_months_of(column, days_before) if is_increment() else 'true' }}
{%- endmacro %}
