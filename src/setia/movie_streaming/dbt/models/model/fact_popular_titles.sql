{#-
Grain: one row per genre and place, and per place among all titles (genre NULL), to the twentieth.
Question: which titles were begun by most people in the last 60 days?
-#}
with begun_titles as (
    select
        movie_id,
        count(distinct user_id) as viewers
    from {{ ref('fact_user_activity') }}
    where date_key > {{ add_days(as_of_date(), -60) }}
    group by movie_id
),

ranked_titles as (
    select
        genres.genre,
        begun_titles.movie_id,
        begun_titles.viewers,
        row_number() over (
            partition by genres.genre order by begun_titles.viewers desc, begun_titles.movie_id asc
        ) as place
    from begun_titles
    inner join {{ ref('bridge_movie_genres') }} as genres on begun_titles.movie_id = genres.movie_id
    union all
    select
        cast(null as {{ dbt.type_string() }}) as genre,
        movie_id,
        viewers,
        row_number() over (order by viewers desc, movie_id asc) as place
    from begun_titles
),

popular_titles as (
    select * from ranked_titles
    where place <= 20
)

select * from popular_titles
