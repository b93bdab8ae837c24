{#-
Grain: one row per attempt to charge a subscription.
Question: what was charged to whom, is it revenue, and was a failed charge made good?
The subscription's owner is the payer, whatever the payment's own user_id says.
-#}
{{ config(**by_user()) }}
with owned_payments as (
    select
        prep_payments.payment_id,
        dim_subscriptions.user_id,
        prep_payments.subscription_id,
        prep_payments.method,
        prep_payments.amount,
        prep_payments.payment_date,
        prep_payments.local_payment_date as date_key,
        prep_payments.status as payment_status,
        prep_payments.currency,
        prep_payments.failure_code,
        prep_payments.refunded_amount,
        prep_payments.period_start,
        prep_payments.period_end
    from {{ ref('prep_payments') }} as prep_payments
    inner join {{ ref('dim_subscriptions') }} as dim_subscriptions
        on prep_payments.subscription_id = dim_subscriptions.subscription_id
    where {{ is_rebuilt_user('dim_subscriptions.user_id') }}
),

payments_with_sequel as (
    select
        owned_payments.*,
        min(case when payment_status = 'completed' then payment_date end) over (
            partition by subscription_id
            order by payment_date, payment_id
            rows between 1 following and unbounded following
        ) as next_completed_at,
        min(case when payment_status != 'pending' then date_key end) over (
            partition by user_id
            order by payment_date, payment_id
            rows between 1 following and unbounded following
        ) as next_settled_date
    from owned_payments
),

payments as (
    select
        payment_id,
        user_id,
        subscription_id,
        method,
        amount,
        payment_date,
        date_key,
        {{ month_start('date_key') }} as month_key,
        payment_status,
        payment_status = 'completed' as is_completed,
        case when payment_status = 'completed' then amount else 0 end as completed_amount,
        refunded_amount,
        currency,
        failure_code,
        period_start,
        period_end,
        next_settled_date,
        case
            when payment_status = 'failed'
                then coalesce(
                    {{ microseconds_between('payment_date', 'next_completed_at') }}
                    <= {{ var('grace_days') | int * 24 * 3600 * 1000000 }},
                    false
                )
        end as is_recovered
    from payments_with_sequel
)

select * from payments
