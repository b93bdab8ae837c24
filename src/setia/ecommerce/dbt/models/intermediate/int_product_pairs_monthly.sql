{#- Grain: one row a pair of products and month in which a basket held both. Question: in how many baskets were they together?
    A basket is what one completed order bought, returns aside. A product's pair with itself counts the baskets with it.
    Baskets of more than basket_max_products different products are left out: int_baskets_monthly counts them. -#}
{{ config(cluster_by=bq_cluster(['product_a']), **by_month('month_key')) }}
with basket_products as (
    select distinct
        order_id,
        product_id,
        order_month_start as month_key
    from {{ ref('int_order_lines') }}
    where not is_return and {{ in_rebuilt_months('order_date') }}
),

large_baskets as (
    select order_id
    from basket_products
    group by order_id
    having count(*) > {{ var('basket_max_products') | int }}
),

paired_products as (
    select basket_products.*
    from basket_products
    left join large_baskets on basket_products.order_id = large_baskets.order_id
    where large_baskets.order_id is null
),

pairs as (
    select
        one.product_id as product_a,
        other.product_id as product_b,
        one.month_key,
        count(*) as orders_together
    from paired_products as one
    inner join paired_products as other on one.order_id = other.order_id and one.product_id <= other.product_id
    group by one.product_id, other.product_id, one.month_key
)

select * from pairs
