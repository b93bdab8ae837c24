{#-
Grain: one row per period of one plan of one user.
Question: what is each period worth a month, what is its status at as_of, and how did it end?
-#}
{{ config(**by_user()) }}
{%- set closing_day = add_days(as_of_date(), 1) %}
with subscriptions as (
    select * from {{ ref('prep_subscriptions') }}
    where {{ is_rebuilt_user() }}
),

last_instants as (
    select
        payments.subscription_id,
        max(payments.payment_date) as payment_date
    from {{ ref('prep_payments') }} as payments
    inner join subscriptions on payments.subscription_id = subscriptions.subscription_id
    where payments.status in ('completed', 'failed')
    group by payments.subscription_id
),

last_payments as (
    select
        payments.subscription_id,
        payments.status,
        row_number() over (partition by payments.subscription_id order by payments.payment_id desc) as recency
    from {{ ref('prep_payments') }} as payments
    inner join last_instants
        on payments.subscription_id = last_instants.subscription_id and payments.payment_date = last_instants.payment_date
    where payments.status in ('completed', 'failed')
),

valued_subscriptions as (
    select
        subscriptions.*,
        last_payments.status as last_payment_status,
        case
            when subscriptions.is_trial or subscriptions.status = 'paused' then 0
            when subscriptions.discount_amount >= subscriptions.price then 0
            else {{ monthly_amount('subscriptions.price - subscriptions.discount_amount', 'subscriptions.billing_interval') }}
        end as mrr
    from subscriptions
    left join last_payments
        on subscriptions.subscription_id = last_payments.subscription_id and last_payments.recency = 1
),

last_paid_starts as (
    select
        user_id,
        max(start_date) as last_paid_start
    from valued_subscriptions
    where mrr > 0 and start_date <= {{ as_of_date() }} and (end_date is null or start_date < end_date)
    group by user_id
),

subscriptions_at_as_of as (
    select
        valued_subscriptions.subscription_id,
        valued_subscriptions.user_id,
        valued_subscriptions.plan_type,
        valued_subscriptions.start_date,
        valued_subscriptions.end_date,
        valued_subscriptions.price,
        valued_subscriptions.discount_amount,
        valued_subscriptions.billing_interval,
        valued_subscriptions.currency,
        valued_subscriptions.mrr,
        case
            when valued_subscriptions.start_date > {{ as_of_date() }} then 'scheduled'
            when
                valued_subscriptions.end_date <= {{ closing_day }}
                and (valued_subscriptions.status = 'canceled' or valued_subscriptions.canceled_at is not null)
                then 'canceled'
            when valued_subscriptions.end_date <= {{ closing_day }} then 'expired'
            when valued_subscriptions.is_trial then 'trial'
            when valued_subscriptions.status = 'paused' then 'paused'
            else 'active'
        end as subscription_status,
        valued_subscriptions.status as source_status,
        valued_subscriptions.is_trial,
        case
            when valued_subscriptions.is_trial
                then coalesce(last_paid_starts.last_paid_start >= valued_subscriptions.start_date, false)
        end as has_converted,
        valued_subscriptions.auto_renew,
        valued_subscriptions.canceled_at,
        valued_subscriptions.cancel_reason,
        valued_subscriptions.last_payment_status,
        coalesce(valued_subscriptions.cancel_reason = 'payment_failed', false)
        or (
            coalesce(valued_subscriptions.last_payment_status = 'failed', false)
            and valued_subscriptions.cancel_reason is null
            and valued_subscriptions.canceled_at is null
        ) as is_payment_failure
    from valued_subscriptions
    left join last_paid_starts on valued_subscriptions.user_id = last_paid_starts.user_id
)

select * from subscriptions_at_as_of
