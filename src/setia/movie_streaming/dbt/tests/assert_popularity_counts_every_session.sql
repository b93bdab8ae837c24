{#- Sessions by month and by day are the prepared sessions; no month has more viewers than its days have. -#}
with monthly as (
    select
        coalesce(sum(total_watch_count), 0) as sessions,
        coalesce(sum(total_watch_time), 0) as minutes,
        coalesce(sum(unique_viewers), 0) as viewers
    from {{ ref('mart_movie_popularity_monthly') }}
),

daily as (
    select
        coalesce(sum(total_watch_count), 0) as sessions,
        coalesce(sum(total_watch_time), 0) as minutes,
        coalesce(sum(unique_viewers), 0) as viewers
    from {{ ref('fact_movie_popularity') }}
),

prepared as (
    select count(*) as sessions
    from {{ ref('prep_watch_sessions') }}
),

differences as (
    select
        monthly.sessions as monthly_sessions,
        daily.sessions as daily_sessions,
        prepared.sessions as prepared_sessions
    from monthly
    cross join daily
    cross join prepared
    where
        monthly.sessions != prepared.sessions
        or daily.sessions != prepared.sessions
        or monthly.minutes != daily.minutes
        or monthly.viewers > daily.viewers
)

select * from differences
