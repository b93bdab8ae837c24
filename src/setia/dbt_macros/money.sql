{#- Fixed point, rounded half away from zero on both engines; an average or product needs it to agree on both. -#}
{% macro money(expr, scale=2) %}round(cast({{ expr }} as {{ type_money() }}), {{ scale }}){% endmacro %}
