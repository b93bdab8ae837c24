{#- Merchandise sold is one number: over months, over products, over customers and over orders. -#}
with totals as (
    select
        (select coalesce(sum(order_subtotal), 0) from {{ ref('int_customer_orders') }}) as in_orders,
        (select coalesce(sum(merchandise), 0) from {{ ref('fct_sales_monthly') }}) as in_months,
        (select coalesce(sum(revenue), 0) from {{ ref('fct_product_performance') }}) as in_products,
        (select coalesce(sum(merchandise_value), 0) from {{ ref('fct_customer_metrics') }}) as in_customers
)

select * from totals
where in_months <> in_orders or in_products <> in_orders or in_customers <> in_orders
