{#- True when the run covers the whole local month; the argument is the month's first day. -#}
{% macro is_complete_month(month_key) -%}
    {%- set open_day = modules.datetime.date.fromisoformat(first_open_day().split("'")[1]) -%}
    ({{ month_key }} < date '{{ open_day.replace(day=1) }}')
{%- endmacro %}
