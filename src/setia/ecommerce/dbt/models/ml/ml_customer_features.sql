{#- Grain: one row a customer, as of the run. Question: what is known about each customer before the future starts?
    Everything counts to as_of. is_churn_risk is the tutorial's rule on recency and frequency, not a label to learn. -#}
with orders_with_previous as (
    select
        customer_id,
        order_date,
        net_total,
        lag(order_date) over (partition by customer_id order by ordered_at, order_id) as previous_order_date
    from {{ ref('int_customer_orders') }}
),

customer_behavior as (
    select
        customer_id,
        round(cast(stddev_samp(net_total) as {{ type_double() }}), 4) as order_value_volatility,
        max(net_total) as max_order_value,
        min(net_total) as min_order_value,
        avg(cast({{ days_between('previous_order_date', 'order_date') }} as {{ type_double() }}))
            as avg_days_between_orders,
        sum(case when order_date > {{ add_days(as_of_date(), -90) }} then 1 else 0 end) as orders_last_90d,
        sum(case
            when
                order_date > {{ add_days(as_of_date(), -180) }}
                and order_date <= {{ add_days(as_of_date(), -90) }}
                then 1
            else 0
        end) as orders_previous_90d
    from orders_with_previous
    group by customer_id
),

ml_features as (
    select
        metrics.customer_id,
        {{ as_of_date() }} as as_of_date,
        case when metrics.churn_risk in ('High', 'Medium') then 1 else 0 end as is_churn_risk,
        metrics.country,
        {{ days_between('metrics.customer_created_at', as_of_date()) }} as account_age_days,
        {% for column in (
            'recency_days', 'frequency', 'monetary_value', 'avg_order_value', 'recency_score', 'frequency_score',
            'monetary_score', 'rfm_total_score', 'customer_tenure_days',
        ) -%}
        metrics.{{ column }},
        {% endfor -%}
        {{ divide_money('metrics.monetary_value', 'metrics.frequency', 2) }} as revenue_per_order,
        {{ days_between('metrics.first_order_date', as_of_date()) }} as exposure_days,
        case
            when metrics.frequency = 0 then cast(0 as {{ type_double() }})
            when {{ days_between('metrics.first_order_date', as_of_date()) }} < 30
                then cast(metrics.frequency as {{ type_double() }})
            else {{ ratio('metrics.frequency * 30', days_between('metrics.first_order_date', as_of_date())) }}
        end as orders_per_month,
        behavior.order_value_volatility,
        behavior.max_order_value,
        behavior.min_order_value,
        behavior.avg_days_between_orders,
        {{ ratio('behavior.orders_last_90d + 1', 'behavior.orders_previous_90d + 1') }} as order_trend_ratio,
        case when metrics.recency_days <= 30 then 1 else 0 end as is_active_last_30d,
        case when metrics.recency_days <= 90 then 1 else 0 end as is_active_last_90d,
        metrics.predicted_clv_12m,
        case
            when metrics.monetary_value > 0
                then {{ divide_money('metrics.predicted_clv_12m', 'metrics.monetary_value') }}
        end as clv_growth_multiplier,
        {{ as_of() }} as feature_generated_at
    from {{ ref('fct_customer_metrics') }} as metrics
    left join customer_behavior as behavior on metrics.customer_id = behavior.customer_id
)

select * from ml_features
