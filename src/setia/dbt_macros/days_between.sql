{#- Whole days from the first DATE to the later one, an integer. -#}
{% macro days_between(first_date, later_date) %}{{ return(adapter.dispatch('days_between')(first_date, later_date)) }}{% endmacro %}

{% macro default__days_between(first_date, later_date) %}date_diff('day', {{ first_date }}, {{ later_date }}){% endmacro %}

{% macro bigquery__days_between(first_date, later_date) %}date_diff({{ later_date }}, {{ first_date }}, day){% endmacro %}
