{#- A product's pair with itself counts the orders that bought it: all of them where no basket was left out. -#}
with own_pairs as (
    select
        product_a as product_id,
        month_key,
        orders_together
    from {{ ref('int_product_pairs_monthly') }}
    where product_a = product_b and {{ in_tested_months('month_key') }}
),

faults as (
    select
        sales.product_id,
        sales.month_key
    from {{ ref('int_product_sales_monthly') }} as sales
    left join own_pairs
        on sales.product_id = own_pairs.product_id and sales.month_key = own_pairs.month_key
    left join {{ ref('int_baskets_monthly') }} as baskets on sales.month_key = baskets.month_key
    where
        {{ in_tested_months('sales.month_key') }}
        and (
            coalesce(own_pairs.orders_together, 0) > sales.orders_count
            or (baskets.baskets_left_out = 0 and coalesce(own_pairs.orders_together, 0) < sales.orders_count)
        )
)

select * from faults
