{#- Grain: one row a customer worth winning back, whether they may be written to or not. Question: whom to win back,
    with what, and whom to leave alone to see what the campaign does? The group hangs on the customer and the salt only. -#}
with lapsed as (
    select
        customer_id,
        {{ winback_rule('customer_segment', 'rfm_segment', 'recency_days') }} as winback_rule,
        customer_segment,
        rfm_segment,
        recency_days,
        last_order_date,
        total_orders,
        monetary_value
    from {{ ref('dim_customer_segments') }}
),

targets as (
    select * from lapsed
    where winback_rule is not null
),

bought as (
    select
        affinity.customer_id,
        affinity.product_id,
        affinity.orders_count,
        affinity.net_revenue
    from {{ ref('int_customer_products') }} as affinity
    inner join targets on affinity.customer_id = targets.customer_id
    where affinity.orders_count > 0
),

most_orders as (
    select
        customer_id,
        max(orders_count) as orders_count
    from bought
    group by customer_id
),

preferences as (
    select
        bought.customer_id,
        bought.product_id,
        row_number() over (
            partition by bought.customer_id
            order by bought.net_revenue desc, bought.product_id asc
        ) as preference
    from bought
    inner join most_orders on bought.customer_id = most_orders.customer_id and bought.orders_count = most_orders.orders_count
),

consents as (
    select
        targets.*,
        margins.last_year_orders,
        margins.last_year_margin,
        preferences.product_id as top_product_id,
        products.category as top_category,
        customers.marketing_consent,
        customers.is_valid_email,
        case when not customers.marketing_consent then 'No consent' end as suppression_reason,
        {{ hash_share(as_text('targets.customer_id') ~ " || '" ~ var('winback_salt') ~ "'") }} as drawn
    from targets
    inner join {{ ref('stg_customers') }} as customers on targets.customer_id = customers.customer_id
    left join {{ ref('int_customer_margins') }} as margins on targets.customer_id = margins.customer_id
    left join preferences on targets.customer_id = preferences.customer_id and preferences.preference = 1
    left join {{ ref('stg_products') }} as products on preferences.product_id = products.product_id
),

assigned as (
    select
        customer_id,
        winback_rule,
        customer_segment,
        rfm_segment,
        recency_days,
        last_order_date,
        total_orders,
        monetary_value,
        last_year_orders,
        last_year_margin,
        row_number() over (order by last_year_margin desc nulls last, monetary_value desc, customer_id asc) as value_rank,
        top_product_id,
        top_category,
        marketing_consent,
        marketing_consent is null as is_consent_unknown,
        is_valid_email,
        suppression_reason,
        case
            when suppression_reason is not null then 'Suppressed'
            when drawn < {{ var('winback_control_share') }} then 'Control'
            else 'Contact'
        end as campaign_group
    from consents
)

select * from assigned
