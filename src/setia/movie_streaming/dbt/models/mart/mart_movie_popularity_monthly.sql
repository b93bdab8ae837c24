{#-
Grain: one row per title and local month with a session.
Question: which titles were watched most, by how many people and for how long?
Counted from sessions, never added up from days.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with movie_months as (
    select
        {{ as_text('movie_id') }} || '_' || {{ month_text('month_key') }} as movie_month_key,
        movie_id,
        month_key,
        count(*) as total_watch_count,
        count(distinct user_id) as unique_viewers,
        {{ divide_minutes('sum(watch_duration_minutes)', 'count(watch_duration_minutes)') }}
            as avg_watch_duration,
        coalesce(sum(watch_duration_minutes), 0) as total_watch_time,
        {{ is_complete_month('month_key') }} as is_complete
    from {{ ref('fact_user_activity') }}
    where {{ in_rebuilt_months('date_key') }}
    group by movie_id, month_key
)

select * from movie_months
