{#- Grain: one row a completed order. Question: what did each sale come to, part by part, in the reporting currency?
    order_total = order_subtotal + shipping_cost + tax_amount - discount_amount; net_total = order_total - refunded_amount.
    Money back is what the order says, which covers its return lines; where it says nothing, what those lines are worth. -#}
{{ config(**by_day('order_date')) }}
with completed_orders as (
    select * from {{ ref('int_completed_orders') }}
    where {{ is_rebuilt_instant('ordered_at', 'day') }}
),

lines_by_order as (
    select
        order_id,
        sum(case when is_return then 0 else line_total end) as order_subtotal,
        sum(case when is_return then 0 else discount_amount end) as discount_amount,
        sum(case when is_return then -net_line_total else 0 end) as returned_amount,
        case when count(line_cost) = count(*) then sum(line_cost) end as cost_of_goods,
        count(case when not is_return then 1 end) as items_count,
        sum(case when is_return then 0 else quantity end) as units_count
    from {{ ref('int_order_lines') }}
    where {{ in_rebuilt_days('order_date') }}
    group by order_id
),

order_parts as (
    select
        completed_orders.order_id,
        completed_orders.customer_id,
        completed_orders.order_date,
        completed_orders.ordered_at,
        completed_orders.order_month_start,
        completed_orders.currency,
        completed_orders.exchange_rate,
        {{ amount('coalesce(lines_by_order.order_subtotal, 0)') }} as order_subtotal,
        completed_orders.shipping_cost,
        completed_orders.tax_amount,
        {{ amount('completed_orders.discount_amount + coalesce(lines_by_order.discount_amount, 0)') }} as discount_amount,
        {{ amount('coalesce(lines_by_order.returned_amount, 0)') }} as returned_amount,
        {{ amount('coalesce(nullif(completed_orders.refunded_amount, 0), lines_by_order.returned_amount, 0)') }}
            as refunded_amount,
        {{ amount('case when lines_by_order.order_id is null then 0 else lines_by_order.cost_of_goods end') }}
            as cost_of_goods,
        coalesce(lines_by_order.items_count, 0) as items_count,
        {{ amount('coalesce(lines_by_order.units_count, 0)', 4) }} as units_count
    from completed_orders
    left join lines_by_order on completed_orders.order_id = lines_by_order.order_id
),

order_waterfall as (
    select
        order_id,
        customer_id,
        order_date,
        ordered_at,
        order_month_start,
        currency,
        exchange_rate,
        order_subtotal,
        shipping_cost,
        tax_amount,
        discount_amount,
        {{ amount('order_subtotal + shipping_cost + tax_amount - discount_amount') }} as order_total,
        returned_amount,
        refunded_amount,
        {{ amount('order_subtotal + shipping_cost + tax_amount - discount_amount - refunded_amount') }} as net_total,
        cost_of_goods,
        {{ amount('order_subtotal - discount_amount - refunded_amount - cost_of_goods') }} as contribution_margin,
        items_count,
        units_count
    from order_parts
)

select * from order_waterfall
