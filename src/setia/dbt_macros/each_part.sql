{#- A query giving one row per key and part of a separated text, as key and part. -#}
{% macro each_part(relation, key, text, separator='|') %}{{ return(adapter.dispatch('each_part')(relation, key, text, separator)) }}{% endmacro %}

{% macro default__each_part(relation, key, text, separator) -%}
select {{ key }}, unnest(string_split({{ text }}, '{{ separator }}')) as part
    from {{ relation }}
{%- endmacro %}

{% macro bigquery__each_part(relation, key, text, separator) -%}
select {{ key }}, part
    from {{ relation }}
    cross join unnest(split({{ text }}, '{{ separator }}')) as part
{%- endmacro %}
