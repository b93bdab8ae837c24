{#- Grain: one row a customer and product with a line in the last affinity_days (365) days.
    Question: who buys what, and how often? Lines of completed orders; orders and units are those bought, and money is after returns. -#}
with order_products as (
    select
        customer_id,
        product_id,
        order_id,
        order_date,
        count(case when not is_return then 1 end) as lines_bought,
        sum(case when is_return then 0 else quantity end) as units_bought,
        sum(line_total) as net_revenue
    from {{ ref('int_order_lines') }}
    where order_date > {{ add_days(as_of_date(), -(var('affinity_days') | int)) }}
    group by customer_id, product_id, order_id, order_date
),

pairs as (
    select
        customer_id,
        product_id,
        count(case when lines_bought > 0 then 1 end) as orders_count,
        {{ amount('sum(units_bought)', 4) }} as units_bought,
        {{ amount('sum(net_revenue)') }} as net_revenue,
        min(case when lines_bought > 0 then order_date end) as first_purchase_date,
        max(case when lines_bought > 0 then order_date end) as last_purchase_date
    from order_products
    group by customer_id, product_id
),

customers as (
    select
        customer_id,
        sum(net_revenue) as net_revenue
    from pairs
    group by customer_id
),

affinity as (
    select
        pairs.customer_id,
        pairs.product_id,
        pairs.orders_count,
        pairs.units_bought,
        pairs.net_revenue,
        case when customers.net_revenue > 0 then {{ ratio('pairs.net_revenue', 'customers.net_revenue') }} end
            as spend_share,
        pairs.first_purchase_date,
        pairs.last_purchase_date,
        {{ days_between('pairs.last_purchase_date', as_of_date()) }} as days_since_purchase,
        {{ ratio(days_between('pairs.first_purchase_date', 'pairs.last_purchase_date'), 'pairs.orders_count - 1') }}
            as avg_days_between_purchases
    from pairs
    inner join customers on pairs.customer_id = customers.customer_id
),

with_due as (
    select
        *,
        coalesce(avg_days_between_purchases > 0 and days_since_purchase >= avg_days_between_purchases, false)
            as is_due_again
    from affinity
)

select * from with_due
