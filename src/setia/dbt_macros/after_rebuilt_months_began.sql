{#- SQL: whether a DATE is at most so many days before the first of the variable rebuilt_months, or later. -#}
{% macro after_rebuilt_months_began(column, days_before=0) -%}
    {%- set first = modules.datetime.date.fromisoformat(var('rebuilt_months') | first) -%}
    {{ column }} >= date '{{ first - modules.datetime.timedelta(days=days_before) }}'
{%- endmacro %}
