{#- The fixed-point type that money is counted in: 9 decimals on both engines. -#}
{% macro type_money() %}{{ return(adapter.dispatch('type_money')()) }}{% endmacro %}

{% macro default__type_money() %}decimal(38, 9){% endmacro %}

{% macro bigquery__type_money() %}numeric{% endmacro %}
