{#- BigQuery's INITCAP on both engines: the same word separators, an apostrophe not among them. -#}
{% macro initial_capitals(expr) %}{{ return(adapter.dispatch('initial_capitals')(expr)) }}{% endmacro %}

{% macro default__initial_capitals(expr) %}initcap({{ expr }}){% endmacro %}

{% macro duckdb__initial_capitals(expr) -%}
    {%- set separators = '\s\[\](){}/|<>!?@"^#$&~_,.:;*%+\-' -%}
    array_to_string(list_transform(
        regexp_extract_all(lower({{ expr }}), '[^{{ separators }}]+|[{{ separators }}]'),
        lambda part: upper(part[1]) || part[2:]
    ), '')
{%- endmacro %}
