{#- Grain: one row a customer and product with a line in the last affinity_days (365) days.
    Question: who buys what, how often, and what is due again? A view of int_customer_products, of which a day changes few
    rows, with what moves each day for all of them. -#}
{{ config(materialized='view', meta={'built_by_day_of': 'last_line_date', 'onward': 0}) }}
with affinity as (
    select
        customer_id,
        product_id,
        orders_count,
        units_bought,
        net_revenue,
        {% set spent = 'sum(net_revenue) over (partition by customer_id)' -%}
        case when {{ spent }} > 0 then {{ ratio('net_revenue', spent) }} end as spend_share,
        first_purchase_date,
        last_purchase_date,
        last_line_date,
        {{ days_between('last_purchase_date', as_of_date()) }} as days_since_purchase,
        {{ ratio(days_between('first_purchase_date', 'last_purchase_date'), 'orders_count - 1') }}
            as avg_days_between_purchases
    from {{ ref('int_customer_products') }}
),

with_due as (
    select
        *,
        coalesce(avg_days_between_purchases > 0 and days_since_purchase >= avg_days_between_purchases, false)
            as is_due_again
    from affinity
)

select * from with_due
