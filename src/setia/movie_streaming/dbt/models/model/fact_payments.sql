{#-
Grain: one row per attempt to charge a subscription.
Question: what was charged to whom, is it revenue, and was a failed charge made good?
The subscription's owner is the payer, whatever the payment's own user_id says. What became of a failed charge may
show at any time, so that it counts as of late whenever it was.
-#}
{%- set last_changed = "case when {0}status = 'failed' then date '9999-12-31' else {1} end" -%}
{{ config(**by_user(day=last_changed.format('payment_', 'date_key'))) }}
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
    where {{ is_rebuilt_user(
        'dim_subscriptions.user_id', day=last_changed.format('prep_payments.', 'prep_payments.local_payment_date')
    ) }}
),

failed_payments as (
    select * from owned_payments
    where payment_status = 'failed'
),

sequels as (
    select
        failed_payments.payment_id,
        min(
            case
                when later.status = 'completed' and later.subscription_id = failed_payments.subscription_id
                    then later.payment_date
            end
        ) as next_completed_at,
        min(later.local_payment_date) as next_settled_date
    from failed_payments
    inner join {{ ref('dim_subscriptions') }} as dim_subscriptions
        on failed_payments.user_id = dim_subscriptions.user_id
    inner join {{ ref('prep_payments') }} as later
        on dim_subscriptions.subscription_id = later.subscription_id
    where
        later.status != 'pending'
        and (
            later.payment_date > failed_payments.payment_date
            or (later.payment_date = failed_payments.payment_date and later.payment_id > failed_payments.payment_id)
        )
    group by failed_payments.payment_id
),

payments as (
    select
        owned_payments.payment_id,
        owned_payments.user_id,
        owned_payments.subscription_id,
        owned_payments.method,
        owned_payments.amount,
        owned_payments.payment_date,
        owned_payments.date_key,
        {{ month_start('owned_payments.date_key') }} as month_key,
        owned_payments.payment_status,
        owned_payments.payment_status = 'completed' as is_completed,
        case when owned_payments.payment_status = 'completed' then owned_payments.amount else 0 end as completed_amount,
        owned_payments.refunded_amount,
        owned_payments.currency,
        owned_payments.failure_code,
        owned_payments.period_start,
        owned_payments.period_end,
        sequels.next_settled_date,
        case
            when owned_payments.payment_status = 'failed'
                then coalesce(
                    {{ microseconds_between('owned_payments.payment_date', 'sequels.next_completed_at') }}
                    <= {{ var('grace_days') | int * 24 * 3600 * 1000000 }},
                    false
                )
        end as is_recovered
    from owned_payments
    left join sequels on owned_payments.payment_id = sequels.payment_id
)

select * from payments
