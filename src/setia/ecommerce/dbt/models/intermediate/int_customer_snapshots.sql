{#- Grain: one row a customer and cutoff (a month's last day), with an order in the window up to it. Question: what was known
    of each customer by then, and who ordered in the 90 days that begin after a gap? Only cutoffs whose days are over. -#}
{% set gap, days = var('label_gap_days') | int, var('label_days') | int -%}
{{ config(cluster_by=bq_cluster(['customer_id']), **by_day('cutoff_date', onward=gap + days)) }}
{% set first_cutoff = first_rebuilt_day() - modules.datetime.timedelta(days=gap + days)
    if is_increment() else none -%}
with first_and_last_month as (
    select
        min(month_key) as first_month,
        {{ month_start(as_of_date()) }} as last_month
    from {{ ref('int_customer_months') }}
),

months as (
    {{ month_rows('first_and_last_month', 'first_month', 'last_month') }}
),

cutoffs as (
    select
        month_key as cutoff_month,
        {{ add_days(next_month('month_key'), -1) }} as cutoff_date
    from months
    where
        {{ add_days(next_month('month_key'), gap + days - 1) }} <= {{ as_of_date() }}
        and {{ from_rebuilt_days(add_days(next_month('month_key'), -1), gap + days) }}
),

features as (
    {{ customer_features('cutoffs', first_cutoff=first_cutoff) }}
),

ahead as (
    select
        cutoffs.cutoff_date,
        orders.customer_id,
        count(*) as orders_ahead,
        sum(orders.order_total) as order_total_ahead
    from {{ ref('int_customer_orders') }} as orders
    inner join cutoffs
        on
            orders.order_date > {{ add_days('cutoffs.cutoff_date', gap) }}
            and orders.order_date <= {{ add_days('cutoffs.cutoff_date', gap + days) }}
    group by cutoffs.cutoff_date, orders.customer_id
),

labelled as (
    select
        features.cutoff_date,
        features.customer_id,
        {% for column in (
            'recency_days', 'frequency', 'customer_tenure_days', 'exposure_days', 'orders_per_month', 'avg_days_between_orders',
            'order_total', 'avg_order_total', 'order_total_90d', 'orders_last_90d', 'orders_previous_90d',
            'order_trend_ratio', 'is_active_last_30d', 'is_active_last_90d',
        ) -%}
        features.{{ column }},
        {% endfor -%}
        case when ahead.orders_ahead is null then 1 else 0 end as is_churned,
        coalesce(ahead.orders_ahead, 0) as orders_ahead,
        {{ amount('coalesce(ahead.order_total_ahead, 0)') }} as order_total_ahead
    from features
    left join ahead
        on features.customer_id = ahead.customer_id and features.cutoff_date = ahead.cutoff_date
    where features.recency_days < {{ var('rfm_window_days') }}
)

select * from labelled
