{#-
Grain: one row per title.
Question: what is each title?
-#}
with movies as (
    select
        movie_id,
        title,
        genre,
        release_year,
        duration_min,
        language,
        available_from,
        available_to,
        license_cost
    from {{ ref('prep_movies') }}
)

select * from movies
