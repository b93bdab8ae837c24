{#- True when the run covers the whole local month; the argument is the month's first day. -#}
{% macro is_complete_month(month_expr) %}({{ next_month(month_expr) }} <= {{ first_open_day() }}){% endmacro %}
