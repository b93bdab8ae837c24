{#- a / b in fixed point; NULL when b is 0. DuckDB rounds a quotient below 10^8 in 18 digits, with the same result in a
    tenth of the time (measured on 460,000 rows: 0.03 s instead of 0.29). `digits`: 18 where the result is an `amount`. -#}
{% macro divide_money(a, b, scale=4, digits=38) %}{{ return(adapter.dispatch('divide_money')(a, b, scale, digits)) }}{% endmacro %}

{% macro default__divide_money(a, b, scale, digits) -%}
    {%- set quotient, type = '(' ~ a ~ ') / nullif(' ~ b ~ ', 0)', 'decimal(' ~ digits ~ ', ' ~ scale ~ ')' -%}
    case
        when abs({{ quotient }}) < 1e8
            then cast(round(cast({{ quotient }} as decimal(18, 9)), {{ scale }}) as {{ type }})
        else cast(round(cast({{ quotient }} as {{ type_money() }}), {{ scale }}) as {{ type }})
    end
{%- endmacro %}

{% macro bigquery__divide_money(a, b, scale, digits) %}round(cast(({{ a }}) / nullif({{ b }}, 0) as {{ type_money() }}), {{ scale }}){% endmacro %}
