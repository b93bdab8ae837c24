{#-
Grain: one row per rating of a title that its user had begun to watch.
Question: which ratings were given by somebody who had seen something of the title?
A rating hangs on the sessions of its month and of those before it.
-#}
{{ config(**by_month('date_key', onward=0)) }}
with ratings as (
    select
        rating_id,
        user_id,
        movie_id,
        rating_date,
        local_rating_date as date_key
    from {{ ref('prep_ratings') }}
    where {{ from_rebuilt_months('local_rating_date') }}
),

watched_ratings as (
    select distinct
        ratings.rating_id,
        ratings.date_key
    from {{ ref('prep_watch_sessions') }} as sessions
    inner join ratings on sessions.user_id = ratings.user_id and sessions.movie_id = ratings.movie_id
    where sessions.start_time <= ratings.rating_date
)

select * from watched_ratings
