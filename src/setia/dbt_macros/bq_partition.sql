{#- partition_by for BigQuery, nothing elsewhere: dbt-duckdb refuses BigQuery's form of it. -#}
{% macro bq_partition(field, granularity='month', data_type='date') %}
    {{ return({'field': field, 'data_type': data_type, 'granularity': granularity} if target.type == 'bigquery' else none) }}
{% endmacro %}
