{#- Why a customer is worth winning back, first match wins; NULL for all others. One bound on the days decides for all
    three: the fixed scores put the tutorial's two segments beyond the 90 days, and the grid, which ranks, is held to them. -#}
{% macro winback_rule(customer_segment, rfm_segment, recency_days) -%}
    case
        when {{ customer_segment }} = 'At Risk' then 'Regular gone quiet'
        when {{ customer_segment }} = 'Cant Lose Them' then 'Big spender gone quiet'
        when {{ rfm_segment }} in ('At Risk', 'Cannot Lose Them') and {{ recency_days }} > 90 then 'Valuable by rank gone quiet'
    end
{%- endmacro %}
