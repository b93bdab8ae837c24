{#- Module 8.3: who bought what, how often? Orders are counted, not lines. -#}
with customer_product_purchases as (
    select
        orders.customer_id,
        order_items.product_id,
        count(distinct orders.order_id) as purchase_count,
        sum(order_items.line_total) as total_spent
    from {{ ref('int_customer_orders') }} as orders
    inner join {{ ref('stg_order_items') }} as order_items on orders.order_id = order_items.order_id
    where not order_items.is_return
    group by orders.customer_id, order_items.product_id
)

select * from customer_product_purchases
