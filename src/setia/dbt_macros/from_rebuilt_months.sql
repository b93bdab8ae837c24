{#- SQL: whether a DATE is in or after the first month that is built in this run, or at most so many days before it. -#}
{% macro from_rebuilt_months(column, days_before=0) -%}
    {{ after_rebuilt_months_began(column, days_before) if is_increment() else 'true' }}
{%- endmacro %}
