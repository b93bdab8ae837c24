{#-
Grain: one row per user who is worth a message at as_of.
Question: whom to bring back, why, and with which title?
The title: of the twenty most begun of the last 60 days in the genre that the user watched longest in 365
days, the first that the user has never seen; of all genres for who watched nothing, or has seen all twenty.
-#}
with candidates as (
    select * from {{ ref('fact_retargeting_reasons') }}
),

seen_titles as (
    select
        activity.user_id,
        activity.movie_id,
        max(activity.date_key) as last_date,
        sum(case when activity.date_key > {{ add_days(as_of_date(), -365) }} then activity.watch_duration_minutes end)
            as minutes
    from {{ ref('fact_user_activity') }} as activity
    inner join candidates on activity.user_id = candidates.user_id
    group by activity.user_id, activity.movie_id
),

watched_genres as (
    select
        seen_titles.user_id,
        genres.genre,
        row_number() over (
            partition by seen_titles.user_id
            order by sum(seen_titles.minutes) desc nulls last, genres.genre asc
        ) as preference
    from seen_titles
    inner join {{ ref('bridge_movie_genres') }} as genres on seen_titles.movie_id = genres.movie_id
    where seen_titles.last_date > {{ add_days(as_of_date(), -365) }}
    group by seen_titles.user_id, genres.genre
),

popular_titles as (
    select * from {{ ref('fact_popular_titles') }}
),

unseen_titles as (
    select
        candidates.user_id,
        popular_titles.movie_id,
        popular_titles.genre,
        row_number() over (
            partition by candidates.user_id
            order by case when popular_titles.genre is null then 1 else 0 end, popular_titles.place
        ) as preference
    from candidates
    left join watched_genres on candidates.user_id = watched_genres.user_id and watched_genres.preference = 1
    inner join popular_titles
        on watched_genres.genre = popular_titles.genre or popular_titles.genre is null
    left join seen_titles
        on candidates.user_id = seen_titles.user_id and popular_titles.movie_id = seen_titles.movie_id
    where seen_titles.user_id is null
),

campaign as (
    select
        candidates.*,
        unseen_titles.movie_id,
        case
            when unseen_titles.movie_id is null then 'none'
            when unseen_titles.genre is null then 'popular'
            else 'favourite genre'
        end as title_because,
        unseen_titles.genre
    from candidates
    left join unseen_titles on candidates.user_id = unseen_titles.user_id and unseen_titles.preference = 1
)

select * from campaign
