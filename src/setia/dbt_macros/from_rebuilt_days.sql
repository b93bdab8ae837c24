{#- SQL: whether a DATE is at most so many days before the first day that is built in this run, or later. -#}
{% macro from_rebuilt_days(column, days_before=0) -%}
    {{ after_rebuilt_days_began(column, days_before) if is_increment() else 'true' }}
{%- endmacro %}
