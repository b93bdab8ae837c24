{#- A date's month as text 'yyyymm'. -#}
{% macro month_text(date_expr) %}{{ return(adapter.dispatch('month_text')(date_expr)) }}{% endmacro %}

{% macro default__month_text(date_expr) %}strftime({{ date_expr }}, '%Y%m'){% endmacro %}

{% macro bigquery__month_text(date_expr) %}format_date('%Y%m', {{ date_expr }}){% endmacro %}
