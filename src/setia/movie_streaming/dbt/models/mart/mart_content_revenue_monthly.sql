{#-
Grain: one row per local month with a completed payment.
Question: how much of the month's revenue came from people who watched something in it?
attributed + unattributed = revenue, to the last decimal.
-#}
{{ config(**by_month('month_key')) }}
with user_revenue as (
    select
        user_id,
        month_key,
        sum(completed_amount) as revenue
    from {{ ref('fact_payments') }}
    where is_completed and {{ in_rebuilt_months('month_key') }}
    group by user_id, month_key
),

viewers as (
    select
        user_id,
        month_key
    from {{ ref('fact_user_viewing_monthly') }}
    where watch_minutes > 0 and {{ in_rebuilt_months('month_key') }}
),

content_revenue as (
    select
        user_revenue.month_key,
        sum(user_revenue.revenue) as revenue,
        sum(case when viewers.user_id is null then 0 else user_revenue.revenue end) as attributed_revenue,
        sum(case when viewers.user_id is null then user_revenue.revenue else 0 end) as unattributed_revenue,
        {{ is_complete_month('user_revenue.month_key') }} as is_complete
    from user_revenue
    left join viewers
        on user_revenue.user_id = viewers.user_id and user_revenue.month_key = viewers.month_key
    group by user_revenue.month_key
)

select * from content_revenue
