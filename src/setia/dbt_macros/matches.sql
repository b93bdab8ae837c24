{#- True when the text has a match for the RE2 pattern; unknown for NULL. -#}
{% macro matches(expr, pattern) %}{{ return(adapter.dispatch('matches')(expr, pattern)) }}{% endmacro %}

{% macro default__matches(expr, pattern) %}regexp_matches({{ expr }}, '{{ pattern }}'){% endmacro %}

{% macro bigquery__matches(expr, pattern) %}regexp_contains({{ expr }}, r'{{ pattern }}'){% endmacro %}
