{#- A query: the totals of all that each customer had ordered by each cutoff_date of a relation. -#}
{% macro orders_until_cutoff(cutoffs, first_cutoff=none) -%}
    select
        cutoff_date,
        customer_id,
        {{ whole_number('sum(orders)') }} as frequency,
        min(first_order_date) as first_order_date,
        max(last_order_date) as last_order_date,
        {{ amount('sum(order_total)') }} as order_total,
        {{ amount('sum(net_total)') }} as net_total,
        sum(squared_net_total) as squared_net_total,
        min(smallest_net_total) as smallest_net_total,
        max(largest_net_total) as largest_net_total
    from ({{ orders_by_cutoff(cutoffs, first_cutoff) }}) as parts
    group by cutoff_date, customer_id
{%- endmacro %}
