{#- The config of a model of which only some rows are built anew when `setia transform` says which months may have changed:
    those that fulfil a condition (Jinja, as text) are deleted first, and the query gives what is not there. -#}
{% macro incremental_where(conditions) %}
    {%- if var('rebuilt_months', none) is none -%}{{ return({'materialized': 'table'}) }}{%- endif -%}
    {%- set hooks = [] -%}
    {%- for condition in conditions -%}
        {%- do hooks.append("{% if is_increment() %}delete from {{ this }} as kept where {{ " ~ condition ~ " }}{% endif %}") -%}
    {%- endfor -%}
    {{ return({
        'materialized': 'incremental',
        'incremental_strategy': 'merge' if target.type == 'bigquery' else 'append',
        'pre_hook': hooks,
    }) }}
{% endmacro %}
