{#- Text without stray white space: trimmed, inner runs made one space, blank made NULL. -#}
{% macro clean_text(expr) %}{{ return(adapter.dispatch('clean_text')(expr)) }}{% endmacro %}

{% macro default__clean_text(expr) %}nullif(trim(regexp_replace({{ expr }}, '\s+', ' ', 'g')), ''){% endmacro %}

{% macro bigquery__clean_text(expr) %}nullif(trim(regexp_replace({{ expr }}, r'\s+', ' ')), ''){% endmacro %}
