{#- Grain: one row a completed order. Question: what did each order bring, from merchandise to margin?
    A view of int_customer_orders, which is built by day and tested with it. -#}
{{ config(materialized='view', meta={'built_by_day_of': 'order_date'}) }}
with orders as (
    select
        order_id,
        customer_id,
        order_date,
        ordered_at,
        order_month_start,
        currency,
        exchange_rate,
        items_count,
        units_count,
        order_subtotal,
        discount_amount,
        refunded_amount,
        {{ amount('order_subtotal - discount_amount - refunded_amount') }} as net_sales,
        shipping_cost,
        tax_amount,
        order_total,
        net_total,
        cost_of_goods,
        contribution_margin
    from {{ ref('int_customer_orders') }}
)

select * from orders
