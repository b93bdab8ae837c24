{#-
Grain: one row per subscription and local month with a payment attempt.
Question: what did each subscription bring in, and how many of its charges failed?
-#}
{{ config(cluster_by=bq_cluster(['user_id']), **by_month('month_key')) }}
with subscription_months as (
    select
        {{ as_text('subscription_id') }} || '_' || {{ month_text('month_key') }}
            as subscription_month_key,
        subscription_id,
        user_id,
        month_key,
        sum(completed_amount) as total_amount,
        count(*) as total_payments,
        count(case when payment_status = 'completed' then 1 end) as status_completed,
        count(case when payment_status = 'failed' then 1 end) as status_failed,
        {{ is_complete_month('month_key') }} as is_complete
    from {{ ref('fact_payments') }}
    where {{ in_rebuilt_months('month_key') }}
    group by subscription_id, user_id, month_key
)

select * from subscription_months
