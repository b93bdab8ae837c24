{#- Grain: one row a line of a completed order. Question: what did each line bring, and what did it cost?
    A view of int_order_lines, which is built by day and tested with it. -#}
{{ config(materialized='view', meta={'built_by_day_of': 'order_date'}) }}
with order_lines as (
    select
        order_item_id,
        order_id,
        customer_id,
        product_id,
        order_date,
        order_month_start,
        is_return,
        quantity,
        unit_price,
        line_total,
        discount_amount,
        net_line_total,
        unit_cost,
        line_cost,
        {{ amount('net_line_total - line_cost') }} as line_margin
    from {{ ref('int_order_lines') }}
)

select * from order_lines
