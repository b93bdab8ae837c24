{#-
Each title and month has as many sessions and minutes in its performance as in its popularity.
-#}
with performance as (
    select
        movie_month_key,
        total_sessions,
        watched_minutes
    from {{ ref('mart_title_performance_monthly') }}
),

popularity as (
    select
        movie_month_key,
        total_watch_count,
        total_watch_time
    from {{ ref('mart_movie_popularity_monthly') }}
)

select
    popularity.movie_month_key,
    performance.total_sessions,
    popularity.total_watch_count
from popularity
full outer join performance on popularity.movie_month_key = performance.movie_month_key
where
    coalesce(performance.total_sessions, -1) != coalesce(popularity.total_watch_count, -1)
    or coalesce(performance.watched_minutes, -1) != coalesce(popularity.total_watch_time, -1)
