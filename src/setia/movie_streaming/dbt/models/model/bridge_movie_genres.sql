{#-
Grain: one row per title and genre.
Question: which genres does a title belong to, when its one text names several?
-#}
with genre_parts as (
    {{ each_part(ref('prep_movies'), 'movie_id', 'genre') }}
),

movie_genres as (
    select distinct
        movie_id,
        {{ title_case('part') }} as genre
    from genre_parts
    where {{ clean_text('part') }} is not null
)

select * from movie_genres
