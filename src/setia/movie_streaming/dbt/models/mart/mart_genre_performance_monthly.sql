{#-
Grain: one row per genre and local month with a session of one of its titles.
Question: which genres are begun, watched and seen through?
A title of two genres counts in both, so genres do not add up; who began two titles of a genre began twice.
-#}
{{ config(partition_by=bq_partition('month_key'), cluster_by=bq_cluster(['genre'])) }}
with genre_months as (
    select
        bridge_movie_genres.genre,
        performance.month_key,
        count(*) as titles,
        {{ whole_number('sum(performance.total_sessions)') }} as total_sessions,
        sum(performance.watched_minutes) as watched_minutes,
        sum(performance.views) as views,
        {{ whole_number('sum(performance.starters)') }} as starts,
        {{ whole_number('sum(performance.watchers)') }} as watches,
        {{ whole_number('sum(performance.completers)') }} as completions,
        {{ ratio('sum(performance.completers)', 'sum(performance.starters)') }} as completion_rate,
        {{ is_complete_month('performance.month_key') }} as is_complete
    from {{ ref('mart_title_performance_monthly') }} as performance
    inner join {{ ref('bridge_movie_genres') }} as bridge_movie_genres
        on performance.movie_id = bridge_movie_genres.movie_id
    group by bridge_movie_genres.genre, performance.month_key
)

select * from genre_months
