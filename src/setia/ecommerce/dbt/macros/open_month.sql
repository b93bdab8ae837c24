{#- SQL of a DATE: the first day of the month that as_of leaves open, or of so many months before it. -#}
{% macro open_month(months_before=0) %}
    {%- set day = modules.datetime.date.fromisoformat(first_open_day()[6:16]) -%}
    {%- set months = day.year * 12 + day.month - 1 - months_before -%}
    {{ return("date '%04d-%02d-01'" | format(months // 12, months % 12 + 1)) }}
{% endmacro %}
