{#- Continuous percentile as a window value, the only form that both engines have; NULLs are left out. -#}
{% macro percentile_cont_over(expr, p, partition_by=none) %}{{ return(adapter.dispatch('percentile_cont_over')(expr, p, partition_by)) }}{% endmacro %}

{% macro default__percentile_cont_over(expr, p, partition_by=none) -%}
    quantile_cont(cast({{ expr }} as double), {{ p }}) over ({% if partition_by %}partition by {{ partition_by }}{% endif %})
{%- endmacro %}

{% macro bigquery__percentile_cont_over(expr, p, partition_by=none) -%}
    percentile_cont(cast({{ expr }} as float64), {{ p }}) over ({% if partition_by %}partition by {{ partition_by }}{% endif %})
{%- endmacro %}
