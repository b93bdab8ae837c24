{#- SQL: whether a DATE is at most so many days before the first day that is built in this run, or later. -#}
{% macro after_rebuilt_days_began(column, days_before=0) -%}
    {{ column }} >= date '{{ first_rebuilt_day() - modules.datetime.timedelta(days=days_before) }}'
{%- endmacro %}
