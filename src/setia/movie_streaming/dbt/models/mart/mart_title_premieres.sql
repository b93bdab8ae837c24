{#-
Grain: one row per title whose first day is known (available_from), is not after as_of, and which was played.
Question: how did a title do in its first 28 days? Per user the sessions of the 28 days are taken together.
A row belongs to the month of the 28th day, so that it is built anew when that month or the one before changes.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with premieres as (
    select
        movie_id,
        duration_min,
        available_from as first_day,
        {{ add_days('available_from', 27) }} as last_day
    from {{ ref('dim_movies') }}
    where available_from <= {{ as_of_date() }} and {{ in_rebuilt_months(add_days('available_from', 27)) }}
),

user_titles as (
    select
        activity.user_id,
        activity.movie_id,
        coalesce(sum(activity.watch_duration_minutes), 0) as minutes,
        sum({{ money('activity.completion_rate', 6) }}) as share
    from {{ ref('fact_user_activity') }} as activity
    inner join premieres on activity.movie_id = premieres.movie_id
    where
        activity.date_key >= premieres.first_day
        and activity.date_key <= premieres.last_day
        and {{ in_rebuilt_months('activity.date_key', 31) }}
    group by activity.user_id, activity.movie_id
),

title_totals as (
    select
        movie_id,
        count(*) as unique_viewers,
        sum(minutes) as watched_minutes,
        count(case when minutes >= {{ var('valid_play_minutes') }} then 1 end) as starters,
        count(case when minutes >= {{ var('valid_play_minutes') }} and share >= 0.7 then 1 end) as watchers,
        count(case when minutes >= {{ var('valid_play_minutes') }} and share >= 0.9 then 1 end) as completers
    from user_titles
    group by movie_id
),

title_premieres as (
    select
        premieres.movie_id,
        {{ month_start('premieres.last_day') }} as month_key,
        premieres.first_day,
        title_totals.unique_viewers,
        title_totals.watched_minutes,
        {{ divide_money('title_totals.watched_minutes', 'premieres.duration_min') }} as views,
        title_totals.starters,
        title_totals.watchers,
        title_totals.completers,
        {{ ratio('title_totals.completers', 'title_totals.starters') }} as completion_rate,
        premieres.last_day < {{ first_open_day() }} as is_complete
    from premieres
    inner join title_totals on premieres.movie_id = title_totals.movie_id
)

select * from title_premieres
