{#- Grain: one row a customer and local month with a completed order. Question: what did each customer buy each month?
    The parts of the waterfall add up over months; what is asked about customers is answered from here. -#}
{{ config(cluster_by=bq_cluster(['customer_id']), **by_month('month_key')) }}
with customer_months as (
    select
        customer_id,
        order_month_start as month_key,
        count(*) as orders,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at,
        {% for part in (
            'order_subtotal', 'discount_amount', 'refunded_amount', 'shipping_cost', 'tax_amount', 'net_total',
            'cost_of_goods', 'contribution_margin',
        ) -%}
        {{ amount('sum(' ~ part ~ ')') }} as {{ part }},
        {% endfor -%}
        min(net_total) as smallest_net_total,
        max(net_total) as largest_net_total,
        {{ money('sum(' ~ money('net_total') ~ ' * net_total)', 4) }} as squared_net_total,
        count(case when contribution_margin is null then 1 end) as orders_without_cost
    from {{ ref('int_customer_orders') }}
    where {{ in_rebuilt_months('order_date') }}
    group by customer_id, order_month_start
)

select * from customer_months
