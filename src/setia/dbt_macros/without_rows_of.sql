{#- Ends a query: its rows that a relation does not have just so, each once. A macro, as sqlfluff doesn't know `except distinct`. -#}
{% macro without_rows_of(relation) -%}
    except distinct
    select * from {{ relation }}
{%- endmacro %}
