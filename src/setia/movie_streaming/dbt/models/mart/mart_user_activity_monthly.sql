{#-
Grain: one row per user and local month with a session.
Question: how much did each user watch, and under which subscription?
The subscription is the one in force on the day of the month's last session, by fact_subscription_history.
-#}
{{ config(
    partition_by=bq_partition('month_key'), cluster_by=bq_cluster(['subscription_id']), **by_user(day='month_key', month='month_key')
) }}
with user_activity as (
    select
        {{ as_text('user_months.user_id') }} || '_' || {{ month_text('user_months.month_key') }}
            as user_month_key,
        user_months.user_id,
        history.subscription_id,
        user_months.month_key,
        user_months.watch_minutes as total_watch_time_minutes,
        user_months.total_sessions,
        {{ divide_minutes('user_months.watch_minutes', 'user_months.timed_sessions') }} as avg_watch_duration,
        user_months.completed_sessions,
        {{ is_complete_month('user_months.month_key') }} as is_complete
    from {{ ref('fact_user_viewing_monthly') }} as user_months
    left join {{ ref('fact_subscription_history') }} as history
        on
            user_months.user_id = history.user_id
            and user_months.last_session_date >= history.start_date
            and user_months.last_session_date < coalesce(history.end_date, date '9999-12-31')
    where
        {{ is_rebuilt_user('user_months.user_id', day='user_months.month_key') }}
        or {{ in_rebuilt_months('user_months.month_key') }}
)

select * from user_activity
