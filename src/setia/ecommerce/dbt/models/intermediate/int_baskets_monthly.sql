{#- Grain: one row a month with a basket. Question: of how many baskets are a month's pairs, and how many were left out? -#}
{{ config(**by_month('month_key')) }}
with basket_sizes as (
    select
        order_id,
        order_month_start as month_key,
        count(distinct product_id) as products_count
    from {{ ref('int_order_lines') }}
    where not is_return and {{ in_rebuilt_months('order_date') }}
    group by order_id, order_month_start
),

basket_months as (
    select
        month_key,
        {% set is_paired = 'products_count <= ' ~ (var('basket_max_products') | int) -%}
        count(case when {{ is_paired }} then order_id end) as baskets_count,
        count(case when not {{ is_paired }} then order_id end) as baskets_left_out
    from basket_sizes
    group by month_key
)

select * from basket_months
