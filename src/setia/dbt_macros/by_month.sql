{#- The config of a model whose rows belong to local months: a table; or, when `setia transform` says which months
    may have changed, those months anew. The whole and the part run the same query, bounded by in_rebuilt_months. -#}
{% macro by_month(column) %}
    {%- set partition = bq_partition(column) -%}
    {%- if var('rebuilt_months', none) is none -%}
        {{ return({'materialized': 'table', 'partition_by': partition, 'meta': {'built_by_month_of': column}}) }}
    {%- elif target.type == 'bigquery' -%}
        {%- set months = [] -%}
        {%- for month in var('rebuilt_months') -%}{%- do months.append("date '" ~ month ~ "'") -%}{%- endfor -%}
        {{ return({
            'materialized': 'incremental',
            'incremental_strategy': 'insert_overwrite',
            'partition_by': partition,
            'partitions': months,
            'meta': {'built_by_month_of': column},
        }) }}
    {%- endif -%}
    {{ return({
        'materialized': 'incremental',
        'incremental_strategy': 'append',
        'meta': {'built_by_month_of': column},
        'pre_hook': "{% if is_increment() %}delete from {{ this }} where {{ in_rebuilt_months('" ~ column ~ "') }}{% endif %}",
    }) }}
{% endmacro %}
