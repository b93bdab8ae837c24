{#- A 64-bit integer; a sum of integers is 128 bits wide on DuckDB, which Parquet readers take for a float. -#}
{% macro whole_number(expr) %}cast({{ expr }} as {{ type_integer() }}){% endmacro %}
