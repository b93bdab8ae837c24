{#-
Grain: one row per rating.
Question: which score did a user give a title, is it the one that counts, and had they watched it?
-#}
with rated_titles as (
    select distinct
        user_id,
        movie_id
    from {{ ref('prep_ratings') }}
),

first_views as (
    select
        prep_watch_sessions.user_id,
        prep_watch_sessions.movie_id,
        min(prep_watch_sessions.start_time) as first_start_time
    from {{ ref('prep_watch_sessions') }} as prep_watch_sessions
    inner join rated_titles
        on
            prep_watch_sessions.user_id = rated_titles.user_id
            and prep_watch_sessions.movie_id = rated_titles.movie_id
    group by prep_watch_sessions.user_id, prep_watch_sessions.movie_id
),

session_count as (
    select count(*) as total_sessions
    from {{ ref('prep_watch_sessions') }}
),

ranked_ratings as (
    select
        rating_id,
        user_id,
        movie_id,
        rating_score,
        rating_date,
        local_rating_date as date_key,
        {{ month_start('local_rating_date') }} as month_key,
        row_number() over (
            partition by user_id, movie_id order by rating_date desc, rating_id desc
        ) as recency,
        row_number() over (
            partition by user_id, movie_id, {{ month_start('local_rating_date') }}
            order by rating_date desc, rating_id desc
        ) as recency_in_month
    from {{ ref('prep_ratings') }}
),

ratings as (
    select
        ranked_ratings.rating_id,
        ranked_ratings.user_id,
        ranked_ratings.movie_id,
        ranked_ratings.rating_score,
        ranked_ratings.rating_date,
        ranked_ratings.date_key,
        ranked_ratings.month_key,
        ranked_ratings.recency = 1 as is_latest,
        ranked_ratings.recency_in_month = 1 as is_latest_in_month,
        case
            when session_count.total_sessions > 0
                then coalesce(first_views.first_start_time <= ranked_ratings.rating_date, false)
        end as has_watched
    from ranked_ratings
    cross join session_count
    left join first_views
        on
            ranked_ratings.user_id = first_views.user_id
            and ranked_ratings.movie_id = first_views.movie_id
)

select * from ratings
