{#- Grain: one row a customer, as of the run or of an earlier day (variable features_cutoff). Question: what is known about
    each customer before the future starts? is_churn_risk is the tutorial's rule on recency and frequency, not a label. -#}
with cutoffs as (
    select
        {{ cutoff_date() }} as cutoff_date,
        {{ month_start(cutoff_date()) }} as cutoff_month
),

customers as (
    select
        customers.customer_id,
        customers.country,
        customers.customer_created_at,
        cutoffs.cutoff_date
    from {{ ref('stg_customers') }} as customers
    inner join cutoffs
        on customers.customer_created_at is null or customers.customer_created_at <= cutoffs.cutoff_date
),

buyers as (
    {{ customer_features('cutoffs', first_cutoff=past_ends() if var('features_cutoff') is none else none) }}
),

scored as (
    select
        *,
        {{ score('recency_days', '<=', [30, 60, 90, 180]) }} as recency_score,
        {{ score('frequency', '>=', [5, 4, 3, 2]) }} as frequency_score,
        {{ score('net_total', '>=', var('monetary_bounds')) }} as monetary_score
    from buyers
),

valued as (
    select
        *,
        recency_score + frequency_score + monetary_score as rfm_total_score,
        {{ predicted_clv('net_total', 'recency_score + frequency_score + monetary_score') }} as predicted_clv_12m
    from scored
),

ml_features as (
    select
        customers.customer_id,
        customers.cutoff_date as as_of_date,
        case when {{ churn_risk('valued.recency_days', 'valued.frequency') }} in ('High', 'Medium') then 1 else 0 end
            as is_churn_risk,
        customers.country,
        {{ days_between('customers.customer_created_at', 'customers.cutoff_date') }} as account_age_days,
        valued.recency_days,
        coalesce(valued.frequency, 0) as frequency,
        {{ amount('coalesce(valued.net_total, 0)') }} as monetary_value,
        {{ divide_money('valued.net_total', 'valued.frequency', 2, 18) }} as avg_order_value,
        {% for column in ('recency_score', 'frequency_score', 'monetary_score', 'rfm_total_score', 'customer_tenure_days') -%}
        valued.{{ column }},
        {% endfor -%}
        {{ divide_money('valued.net_total', 'valued.frequency', 2, 18) }} as revenue_per_order,
        valued.exposure_days,
        coalesce(valued.orders_per_month, 0) as orders_per_month,
        {{ deviation('valued.frequency', 'valued.net_total', 'valued.squared_net_total') }} as order_value_volatility,
        valued.largest_net_total as max_order_value,
        valued.smallest_net_total as min_order_value,
        valued.avg_days_between_orders,
        valued.order_trend_ratio,
        {% for column in ('is_active_last_30d', 'is_active_last_90d') -%}
        coalesce(valued.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        {{ amount('coalesce(valued.predicted_clv_12m, 0)', 3) }} as predicted_clv_12m,
        case
            when valued.net_total > 0 then {{ divide_money('valued.predicted_clv_12m', 'valued.net_total', 4, 18) }}
        end as clv_growth_multiplier,
        {% for column in ('order_total', 'avg_order_total', 'order_total_90d', 'orders_last_90d', 'orders_previous_90d') -%}
        valued.{{ column }},
        {% endfor -%}
        {{ as_of() }} as feature_generated_at
    from customers
    left join valued on customers.customer_id = valued.customer_id
)

select * from ml_features
