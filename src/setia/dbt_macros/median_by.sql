{#- A query: the exact median of a column's values for each key, as `median`; NULLs are left out. -#}
{% macro median_by(relation, key, value) %}{{ return(adapter.dispatch('median_by')(relation, key, value)) }}{% endmacro %}

{% macro default__median_by(relation, key, value) -%}
    select
        {{ key }},
        quantile_cont(cast({{ value }} as double), 0.5) as median
    from {{ relation }}
    group by {{ key }}
{%- endmacro %}

{% macro bigquery__median_by(relation, key, value) -%}
    select
        {{ key }},
        max(median) as median
    from (
        select
            {{ key }},
            percentile_cont(cast({{ value }} as float64), 0.5) over (partition by {{ key }}) as median
        from {{ relation }}
    )
    group by {{ key }}
{%- endmacro %}
