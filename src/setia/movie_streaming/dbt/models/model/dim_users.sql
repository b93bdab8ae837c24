{#-
Grain: one row per user.
Question: who is each user at as_of: which plan, which status, how much a month?
-#}
with current_subscriptions as (
    select
        user_id,
        subscription_id,
        plan_type,
        subscription_status,
        row_number() over (
            partition by user_id
            order by
                case subscription_status when 'active' then 1 when 'trial' then 2 else 3 end,
                mrr desc,
                start_date desc,
                subscription_id desc
        ) as preference
    from {{ ref('dim_subscriptions') }}
    where subscription_status in ('active', 'trial', 'paused')
),

subscription_totals as (
    select
        user_id,
        sum(case when subscription_status = 'active' then mrr else 0 end) as current_mrr,
        min(start_date) as first_subscription_date,
        min(case when mrr > 0 and (end_date is null or start_date < end_date) then start_date end) as first_paid_date
    from {{ ref('dim_subscriptions') }}
    where subscription_status != 'scheduled'
    group by user_id
),

users_at_as_of as (
    select
        prep_users.user_id,
        prep_users.country,
        prep_users.city,
        prep_users.join_date,
        prep_users.join_date <= {{ as_of_date() }} as has_joined,
        prep_users.has_valid_email,
        current_subscriptions.subscription_id as current_subscription_id,
        current_subscriptions.plan_type as current_plan,
        coalesce(current_subscriptions.subscription_status, 'inactive') as subscription_status,
        prep_users.subscription_status as source_subscription_status,
        coalesce(subscription_totals.current_mrr, 0) as current_mrr,
        coalesce(subscription_totals.current_mrr, 0) > 0 as is_subscriber,
        subscription_totals.first_subscription_date,
        subscription_totals.first_paid_date
    from {{ ref('prep_users') }} as prep_users
    left join current_subscriptions
        on prep_users.user_id = current_subscriptions.user_id and current_subscriptions.preference = 1
    left join subscription_totals on prep_users.user_id = subscription_totals.user_id
)

select * from users_at_as_of
