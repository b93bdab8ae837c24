{#-
Grain: one row per title and local day with a session.
Question: how much was each title watched each day? Viewers of several days do not add up.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('date_key')) }}
with movie_days as (
    select
        {{ as_text('movie_id') }} || '_' || {{ as_text('date_key') }} as movie_id_date,
        movie_id,
        date_key,
        count(*) as total_watch_count,
        count(distinct user_id) as unique_viewers,
        {{ divide_minutes('sum(watch_duration_minutes)', 'count(watch_duration_minutes)') }}
            as avg_watch_duration,
        {{ minutes('coalesce(sum(watch_duration_minutes), 0)') }} as total_watch_time,
        count(case when completed_flag then 1 end) as completed_sessions
    from {{ ref('fact_user_activity') }}
    where {{ in_rebuilt_months('date_key') }}
    group by movie_id, date_key
)

select * from movie_days
