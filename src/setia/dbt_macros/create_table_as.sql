{#- dbt's own macro, replaced: what is appended on DuckDB comes from a view and not from a table in between, so that its
    rows are written once and not twice. A contract is kept all the same. -#}
{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if not temporary or target.type != 'duckdb' or config.get('incremental_strategy') != 'append' -%}
        {{ return(adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language, **kwargs)) }}
    {%- endif -%}
    {%- if config.get('contract').enforced -%}{{ get_assert_columns_equivalent(compiled_code) }}{%- endif -%}
    create or replace temporary view {{ relation.include(database=false, schema=false) }} as ({{ compiled_code }})
{%- endmacro %}
