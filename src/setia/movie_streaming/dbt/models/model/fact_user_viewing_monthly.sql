{#-
Grain: one row per user and local month with a session.
Question: how much did each user watch each month, and on how many days?
-#}
{{ config(cluster_by=bq_cluster(['user_id']), **by_month('month_key')) }}
with user_months as (
    select
        user_id,
        month_key,
        {{ whole_number('sum(total_sessions)') }} as total_sessions,
        {{ whole_number('sum(timed_sessions)') }} as timed_sessions,
        {{ whole_number('sum(valid_plays)') }} as valid_plays,
        {{ whole_number('sum(completed_sessions)') }} as completed_sessions,
        {{ minutes('sum(watch_minutes)') }} as watch_minutes,
        {{ minutes('sum(exclusive_minutes)') }} as exclusive_minutes,
        count(case when valid_plays > 0 then 1 end) as active_days,
        min(case when valid_plays > 0 then date_key end) as first_active_date,
        max(case when valid_plays > 0 then date_key end) as last_active_date,
        max(date_key) as last_session_date
    from {{ ref('fact_user_viewing_daily') }}
    where {{ in_rebuilt_months('date_key') }}
    group by user_id, month_key
)

select * from user_months
