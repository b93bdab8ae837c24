{#- The tutorial's nine segments, first match wins, and Prospect for a customer without orders. -#}
{% macro customer_segment(recency, frequency, monetary) -%}
    {%- set r, f, m = recency, frequency, monetary -%}
    case
        when {{ r }} is null then 'Prospect'
        when {{ r }} >= 4 and {{ f }} >= 4 and {{ m }} >= 4 then 'Champions'
        when {{ r }} >= 3 and {{ f }} >= 3 and {{ m }} >= 3 then 'Loyal Customers'
        when {{ r }} >= 4 and {{ f }} <= 2 and {{ m }} <= 2 then 'New Customers'
        when {{ r }} >= 3 and {{ f }} <= 2 and {{ m }} >= 3 then 'Big Spenders'
        when {{ r }} <= 2 and {{ f }} >= 3 and {{ m }} >= 3 then 'At Risk'
        when {{ r }} <= 2 and {{ f }} <= 2 and {{ m }} >= 3 then 'Cant Lose Them'
        when {{ r }} <= 2 and {{ f }} >= 2 and {{ m }} <= 2 then 'Hibernating'
        when {{ r }} <= 1 and {{ f }} <= 1 and {{ m }} <= 1 then 'Lost'
        else 'Others'
    end
{%- endmacro %}
