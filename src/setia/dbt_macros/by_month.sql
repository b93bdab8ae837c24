{#- The config of a model whose rows belong to local months: a table; or, when `setia transform` says which months
    may have changed, those months anew. The whole and the part run the same query, bounded by in_rebuilt_months.
    `onward`: rows hang on months before theirs, so that all are built from so many days before the first of those
    months on; the query is bounded by from_rebuilt_months then. -#}
{% macro by_month(column, onward=none) %}
    {%- set config = {
        'materialized': 'table',
        'partition_by': bq_partition(column),
        'meta': {'built_by_month_of': column, 'onward': onward},
    } -%}
    {%- if var('rebuilt_months', none) is none -%}{{ return(config) }}{%- endif -%}
    {%- if target.type == 'bigquery' and onward is none -%}
        {%- set months = [] -%}
        {%- for month in var('rebuilt_months') -%}{%- do months.append("date '" ~ month ~ "'") -%}{%- endfor -%}
        {%- do config.update({'incremental_strategy': 'insert_overwrite', 'partitions': months}) -%}
    {%- else -%}
        {%- set rebuilt = "in_rebuilt_months('" ~ column ~ "')" if onward is none
            else "from_rebuilt_months('" ~ column ~ "', " ~ onward ~ ")" -%}
        {%- do config.update(incremental_where([rebuilt])) -%}
    {%- endif -%}
    {%- do config.update({'materialized': 'incremental'}) -%}
    {{ return(config) }}
{% endmacro %}
