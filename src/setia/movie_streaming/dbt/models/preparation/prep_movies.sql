{#-
Grain: one row per title.
Question: what is in the catalogue, with every text in one spelling?
-#}
with living_movies as (
    select *
    from {{ source('raw', 'raw_movies') }}
    {{ seeded('raw_movies') }}
    where _deleted_at is null
),

cleaned_movies as (
    select
        movie_id,
        {{ clean_text('title') }} as title,
        {{ clean_text('genre') }} as genre,
        release_year,
        duration_min,
        {{ title_case('language') }} as language,
        available_from,
        available_to,
        license_cost,
        updated_at,
        _loaded_at,
        _batch_id
    from living_movies
)

select * from cleaned_movies
