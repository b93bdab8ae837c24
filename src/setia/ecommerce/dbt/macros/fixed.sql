{#- A number of the settings in fixed point: a literal with decimals is a float on BigQuery. -#}
{% macro fixed(number) %}cast('{{ number }}' as {{ type_money() }}){% endmacro %}
