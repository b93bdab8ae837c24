{#-
Grain: one row per user who is worth a message at as_of.
Question: who may leave or has left, why do we think so, since when, and what is at stake a month?
The first rule that holds counts: a failed charge, a renewal switched off, 21 days without a play, left
within 180 days, a trial of the last 60 days that was not paid for. Judgement, until predictions replace it.
-#}
with last_plays as (
    select
        user_id,
        max(last_active_date) as last_active_date
    from {{ ref('fact_user_viewing_monthly') }}
    group by user_id
),

subscriptions as (
    select
        user_id,
        max(case when subscription_status = 'active' and mrr > 0 then 1 else 0 end) as is_active,
        max(case when subscription_status = 'active' and last_payment_status = 'failed' then 1 else 0 end)
            as is_unpaid,
        max(case when subscription_status = 'active' and (not auto_renew or canceled_at is not null) then 1 else 0 end)
            as is_canceling,
        max(case when subscription_status = 'trial' then 1 else 0 end) as is_on_trial,
        max(case when mrr > 0 and subscription_status in ('canceled', 'expired') then end_date end) as left_on,
        max(case when is_trial and subscription_status in ('canceled', 'expired') then end_date end) as trial_ended_on,
        min(case when subscription_status = 'active' then start_date end) as active_since
    from {{ ref('dim_subscriptions') }}
    where subscription_status != 'scheduled'
    group by user_id
),

last_paid as (
    select
        user_id,
        mrr,
        plan_type,
        row_number() over (partition by user_id order by start_date desc, subscription_id desc) as recency
    from {{ ref('dim_subscriptions') }}
    where subscription_status != 'scheduled'
),

judged_users as (
    select
        subscriptions.user_id,
        last_plays.last_active_date,
        case
            when subscriptions.is_unpaid = 1 then 'payment_failed'
            when subscriptions.is_canceling = 1 then 'canceling'
            when
                subscriptions.is_active = 1
                and coalesce(last_plays.last_active_date, subscriptions.active_since)
                < {{ add_days(as_of_date(), -21) }}
                then 'fading'
            when subscriptions.is_active = 1 or subscriptions.is_on_trial = 1 then null
            when subscriptions.left_on > {{ add_days(as_of_date(), -180) }} then 'left'
            when subscriptions.left_on is null and subscriptions.trial_ended_on > {{ add_days(as_of_date(), -60) }}
                then 'trial_ended'
        end as reason,
        case
            when subscriptions.active_since is not null
                then coalesce(last_plays.last_active_date, subscriptions.active_since)
            else coalesce(subscriptions.left_on, subscriptions.trial_ended_on)
        end as reason_since
    from subscriptions
    left join last_plays on subscriptions.user_id = last_plays.user_id
),

candidates as (
    select
        judged_users.user_id,
        judged_users.reason,
        judged_users.reason_since,
        judged_users.last_active_date,
        last_paid.plan_type as last_plan,
        last_paid.mrr as monthly_value
    from judged_users
    inner join last_paid on judged_users.user_id = last_paid.user_id and last_paid.recency = 1
    where judged_users.reason is not null
)

select * from candidates
