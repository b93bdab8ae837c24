{#- The first day of the month after a date's month, a DATE. -#}
{% macro next_month(date_expr) %}{{ return(adapter.dispatch('next_month')(date_expr)) }}{% endmacro %}

{% macro default__next_month(date_expr) %}cast(date_trunc('month', {{ date_expr }}) + interval 1 month as date){% endmacro %}

{% macro bigquery__next_month(date_expr) %}date_add(date_trunc({{ date_expr }}, month), interval 1 month){% endmacro %}
