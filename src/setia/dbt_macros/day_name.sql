{#- The English name of a date's week day, such as 'Monday'. -#}
{% macro day_name(date_expr) %}{{ return(adapter.dispatch('day_name')(date_expr)) }}{% endmacro %}

{% macro default__day_name(date_expr) %}strftime({{ date_expr }}, '%A'){% endmacro %}

{% macro bigquery__day_name(date_expr) %}format_date('%A', {{ date_expr }}){% endmacro %}
