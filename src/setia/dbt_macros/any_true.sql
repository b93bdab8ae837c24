{#- Aggregate: true when the condition holds for one of the rows. -#}
{% macro any_true(expr) %}{{ return(adapter.dispatch('any_true')(expr)) }}{% endmacro %}

{% macro default__any_true(expr) %}bool_or({{ expr }}){% endmacro %}

{% macro bigquery__any_true(expr) %}logical_or({{ expr }}){% endmacro %}
