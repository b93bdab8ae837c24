{#- The first day of a date's month, a DATE. -#}
{% macro month_start(date_expr) %}{{ return(adapter.dispatch('month_start')(date_expr)) }}{% endmacro %}

{% macro default__month_start(date_expr) %}cast(date_trunc('month', {{ date_expr }}) as date){% endmacro %}

{% macro bigquery__month_start(date_expr) %}date_trunc({{ date_expr }}, month){% endmacro %}
