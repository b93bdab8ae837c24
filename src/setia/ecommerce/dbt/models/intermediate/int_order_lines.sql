{#- Grain: one row a line of a completed order. Question: what was sold or taken back, for how much and at which cost?
    Quantity and all amounts of a return are negative. A line without a cost of its own has today's. -#}
{{ config(**by_day('order_date')) }}
with completed_orders as (
    select * from {{ ref('int_completed_orders') }}
    where {{ is_rebuilt_instant('ordered_at', 'day') }}
),

converted_lines as (
    select
        order_items.order_item_id,
        order_items.order_id,
        completed_orders.customer_id,
        order_items.product_id,
        completed_orders.order_date,
        completed_orders.ordered_at,
        completed_orders.order_month_start,
        order_items.quantity,
        order_items.unit_price,
        {{ converted('order_items.line_total', 'completed_orders.exchange_rate') }} as line_total,
        {{ converted('order_items.discount_amount', 'completed_orders.exchange_rate') }} as discount_amount,
        order_items.is_return,
        coalesce(order_items.unit_cost, products.cost_price) as unit_cost
    from {{ ref('stg_order_items') }} as order_items
    inner join completed_orders on order_items.order_id = completed_orders.order_id
    left join {{ ref('stg_products') }} as products on order_items.product_id = products.product_id
    -- Not an inner join: DuckDB would then join all lines with the products, and hash them for a month's orders.
    where order_items.product_id in (select product_id from {{ ref('stg_products') }})
),

costed_lines as (
    select
        order_item_id,
        order_id,
        customer_id,
        product_id,
        order_date,
        ordered_at,
        order_month_start,
        quantity,
        unit_price,
        line_total,
        discount_amount,
        {{ amount('line_total - discount_amount') }} as net_line_total,
        is_return,
        unit_cost,
        {{ multiply_amounts('quantity', 'unit_cost') }} as line_cost
    from converted_lines
)

select * from costed_lines
