{#-
Grain: one row per rating.
Question: which score did a user give a title, is it the one that counts, and had they watched it?
-#}
{{ config(**by_user(because_of='ratings', month='date_key', onward=true)) }}
with session_count as (
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
        lag({{ month_start('local_rating_date') }}) over (
            partition by user_id, movie_id order by rating_date desc, rating_id desc
        ) as month_of_next
    from {{ ref('prep_ratings') }}
    where {{ is_rebuilt_user(because_of='ratings') }} or {{ from_rebuilt_months('local_rating_date') }}
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
        coalesce(ranked_ratings.month_of_next != ranked_ratings.month_key, true) as is_latest_in_month,
        case
            when session_count.total_sessions > 0
                then watched_ratings.rating_id is not null
        end as has_watched
    from ranked_ratings
    cross join session_count
    left join {{ ref('fact_watched_ratings') }} as watched_ratings
        on ranked_ratings.rating_id = watched_ratings.rating_id
)

select * from ratings
