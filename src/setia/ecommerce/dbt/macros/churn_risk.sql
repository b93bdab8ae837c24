{#- The tutorial's rule by days since the last order; a customer without orders has no risk to speak of. -#}
{% macro churn_risk(recency_days, frequency) -%}
    case
        when {{ recency_days }} is null then 'Not applicable'
        when {{ recency_days }} > 180 and {{ frequency }} = 1 then 'High'
        when {{ recency_days }} > 120 then 'Medium'
        when {{ recency_days }} > 90 then 'Low'
        else 'Very Low'
    end
{%- endmacro %}
