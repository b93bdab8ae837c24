{#- a / b in fixed point; NULL when b is 0. -#}
{% macro divide_money(a, b, scale=4) %}round(cast(({{ a }}) / nullif({{ b }}, 0) as {{ type_money() }}), {{ scale }}){% endmacro %}
