{#- Grain: one row a customer who ordered again in the last rfm_window_days. Question: how long do they use to wait?
    Over the gaps that ended in the window: what somebody did years ago says little of today, and is not read again. -#}
with gaps as (
    select
        customer_id,
        days_since_previous
    from {{ ref('int_order_sequence') }}
    where
        days_since_previous is not null
        and order_date > {{ add_days(as_of_date(), -(var('rfm_window_days') | int)) }}
),

medians as (
    {{ median_by('gaps', 'customer_id', 'days_since_previous') }}
),

cadence as (
    select
        customer_id,
        {{ amount('median', 1) }} as median_days_between_orders
    from medians
)

select * from cadence
