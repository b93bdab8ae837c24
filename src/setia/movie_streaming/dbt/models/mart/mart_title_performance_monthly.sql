{#-
Grain: one row per title and local month with a session.
Question: how many people began a title, how far did they get, and how often was it seen through?
Per user and title the month's sessions are taken together; who began is everybody with two minutes. Views
are hours over runtime (Netflix, 2023): NULL for a title without a runtime.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with user_titles as (
    select
        activity.user_id,
        activity.movie_id,
        activity.month_key,
        count(*) as sessions,
        coalesce(sum(activity.watch_duration_minutes), 0) as minutes,
        sum({{ money('activity.completion_rate', 6) }}) as share
    from {{ ref('fact_user_activity') }} as activity
    where {{ in_rebuilt_months('activity.date_key') }}
    group by activity.user_id, activity.movie_id, activity.month_key
),

title_months as (
    select
        movie_id,
        month_key,
        {{ whole_number('sum(sessions)') }} as total_sessions,
        sum(minutes) as watched_minutes,
        count(*) as unique_viewers,
        count(case when minutes >= {{ var('valid_play_minutes') }} then 1 end) as starters,
        {%- for percent in [10, 25, 50, 75, 90] %}
        count(case when minutes >= {{ var('valid_play_minutes') }} and share >= {{ percent / 100 }} then 1 end)
            as reached_{{ percent }},
        {%- endfor %}
        count(case when minutes >= {{ var('valid_play_minutes') }} and share >= 0.7 then 1 end) as watchers
    from user_titles
    group by movie_id, month_key
),

performance as (
    select
        {{ as_text('title_months.movie_id') }} || '_' || {{ month_text('title_months.month_key') }} as movie_month_key,
        title_months.movie_id,
        title_months.month_key,
        title_months.total_sessions,
        title_months.watched_minutes,
        {{ divide_money('title_months.watched_minutes', 'dim_movies.duration_min') }} as views,
        title_months.unique_viewers,
        title_months.starters,
        title_months.watchers,
        title_months.reached_90 as completers,
        {{ ratio('title_months.reached_90', 'title_months.starters') }} as completion_rate,
        {%- for percent in [10, 25, 50, 75, 90] %}
        {{ ratio('title_months.reached_' ~ percent, 'title_months.starters') }} as share_reached_{{ percent }},
        {%- endfor %}
        {{ is_complete_month('title_months.month_key') }} as is_complete
    from title_months
    left join {{ ref('dim_movies') }} as dim_movies on title_months.movie_id = dim_movies.movie_id
)

select * from performance
