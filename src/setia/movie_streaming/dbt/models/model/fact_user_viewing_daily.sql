{#-
Grain: one row per user and local day with a session.
Question: how much did each user watch each day, and was it more than a start?
Every measure adds up over days; titles and users do not.
-#}
{{ config(cluster_by=bq_cluster(['user_id']), **by_month('date_key')) }}
with user_days as (
    select
        user_id,
        date_key,
        month_key,
        count(*) as total_sessions,
        count(watch_duration_minutes) as timed_sessions,
        count(case when watch_duration_minutes >= {{ var('valid_play_minutes') }} then 1 end) as valid_plays,
        count(case when completed_flag then 1 end) as completed_sessions,
        {{ minutes('coalesce(sum(watch_duration_minutes), 0)') }} as watch_minutes,
        {{ minutes('coalesce(sum(exclusive_minutes), 0)') }} as exclusive_minutes
    from {{ ref('fact_user_activity') }}
    where {{ in_rebuilt_months('date_key') }}
    group by user_id, date_key, month_key
)

select * from user_days
