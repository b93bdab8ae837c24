{#- The 64-bit whole number type; dbt.type_int() is 32 bits on DuckDB. -#}
{% macro type_integer() %}{{ return(adapter.dispatch('type_integer')()) }}{% endmacro %}

{% macro default__type_integer() %}bigint{% endmacro %}

{% macro bigquery__type_integer() %}int64{% endmacro %}
