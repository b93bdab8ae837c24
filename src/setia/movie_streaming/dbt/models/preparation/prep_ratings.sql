{#-
Grain: one row per rating given before as_of.
Question: who gave which score to what? The review's text goes no further than here.
-#}
{{ config(**by_user(day='local_rating_date', because_of='ratings')) }}
with living_ratings as (
    select *
    from {{ source('raw', 'raw_ratings') }}
    {{ seeded('raw_ratings') }}
    where
        _deleted_at is null
        and rating_date < {{ as_of() }}
        and {{ is_rebuilt_user(day='rating_date', because_of='ratings', is_instant=true) }}
),

cleaned_ratings as (
    select
        rating_id,
        user_id,
        movie_id,
        rating_score,
        rating_date,
        {{ local_date('rating_date') }} as local_rating_date,
        {{ clean_text('review_text') }} as review_text,
        {{ microseconds_between('rating_date', 'updated_at') }} > 86400000000 as is_late,
        updated_at,
        _loaded_at,
        _batch_id
    from living_ratings
)

select * from cleaned_ratings
