{#- cluster_by for BigQuery, nothing elsewhere. -#}
{% macro bq_cluster(columns) %}{{ return(columns if target.type == 'bigquery' else none) }}{% endmacro %}
