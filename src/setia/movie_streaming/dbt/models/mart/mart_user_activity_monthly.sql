{#-
Grain: one row per user and local month with a session.
Question: how much did each user watch, and under which subscription?
The subscription is the one in force on the day of the month's last session, the latest to start.
-#}
{{ config(partition_by=bq_partition('month_key'), cluster_by=bq_cluster(['subscription_id'])) }}
with user_months as (
    select * from {{ ref('fact_user_viewing_monthly') }}
),

subscriptions_in_force as (
    select
        user_months.user_id,
        user_months.month_key,
        dim_subscriptions.subscription_id,
        row_number() over (
            partition by user_months.user_id, user_months.month_key
            order by dim_subscriptions.start_date desc, dim_subscriptions.subscription_id desc
        ) as preference
    from user_months
    inner join {{ ref('dim_subscriptions') }} as dim_subscriptions
        on user_months.user_id = dim_subscriptions.user_id
    where
        dim_subscriptions.start_date <= user_months.last_session_date
        and (
            dim_subscriptions.end_date is null
            or dim_subscriptions.end_date > user_months.last_session_date
        )
),

user_activity as (
    select
        {{ as_text('user_months.user_id') }} || '_' || {{ month_text('user_months.month_key') }}
            as user_month_key,
        user_months.user_id,
        subscriptions_in_force.subscription_id,
        user_months.month_key,
        user_months.watch_minutes as total_watch_time_minutes,
        user_months.total_sessions,
        {{ divide_money('user_months.watch_minutes', 'user_months.timed_sessions') }} as avg_watch_duration,
        user_months.completed_sessions,
        {{ is_complete_month('user_months.month_key') }} as is_complete
    from user_months
    left join subscriptions_in_force
        on
            user_months.user_id = subscriptions_in_force.user_id
            and user_months.month_key = subscriptions_in_force.month_key
            and subscriptions_in_force.preference = 1
)

select * from user_activity
