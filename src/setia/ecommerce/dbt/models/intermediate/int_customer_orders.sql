{#- Grain: one row a completed order. Question: what did each sale come to, part by part?
    order_total = order_subtotal + shipping_cost + tax_amount - discount_amount; net_total = order_total - refunded_amount.
    Money back is what the order says, which covers its return lines; where it says nothing, what those lines are worth. -#}
with completed_orders as (
    select * from {{ ref('stg_orders') }}
    where is_completed
),

lines_by_order as (
    select
        order_id,
        sum(case when is_return then 0 else line_total end) as order_subtotal,
        sum(case when is_return then -line_total else 0 end) as returned_amount,
        sum(case when is_return then 0 else 1 end) as items_count,
        sum(case when is_return then 0 else quantity end) as units_count
    from {{ ref('stg_order_items') }}
    group by order_id
),

orders_with_lines as (
    select
        completed_orders.order_id,
        completed_orders.customer_id,
        completed_orders.order_date,
        completed_orders.ordered_at,
        completed_orders.order_month_start,
        completed_orders.currency,
        completed_orders.shipping_cost,
        completed_orders.discount_amount,
        completed_orders.tax_amount,
        {{ money('coalesce(nullif(completed_orders.refunded_amount, 0), lines_by_order.returned_amount, 0)') }}
            as refunded_amount,
        {{ money('coalesce(lines_by_order.order_subtotal, 0)') }} as order_subtotal,
        {{ whole_number('coalesce(lines_by_order.items_count, 0)') }} as items_count,
        {{ money('coalesce(lines_by_order.units_count, 0)', 4) }} as units_count
    from completed_orders
    left join lines_by_order on completed_orders.order_id = lines_by_order.order_id
),

order_totals as (
    select
        order_id,
        customer_id,
        order_date,
        ordered_at,
        order_month_start,
        currency,
        order_subtotal,
        shipping_cost,
        tax_amount,
        discount_amount,
        {{ money('order_subtotal + shipping_cost + tax_amount - discount_amount') }} as order_total,
        refunded_amount,
        {{ money('order_subtotal + shipping_cost + tax_amount - discount_amount - refunded_amount') }} as net_total,
        items_count,
        units_count
    from orders_with_lines
)

select * from order_totals
