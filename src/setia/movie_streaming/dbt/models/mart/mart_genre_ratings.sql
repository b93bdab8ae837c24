{#-
Grain: one row per genre of which a title was rated before as_of.
Question: which genres are liked? Votes are counted, not averages of titles; a title of two genres counts in both.
-#}
{{ config(cluster_by=bq_cluster(['genre'])) }}
with genre_ratings as (
    select
        genres.genre,
        count(distinct ratings.movie_id) as rated_titles,
        count(*) as total_votes,
        count(distinct ratings.user_id) as unique_raters,
        {{ ratio('sum(ratings.rating_score)', 'count(*)') }} as avg_rating,
        {{ ratio('count(case when ratings.rating_score >= 4 then 1 end)', 'count(*)') }} as share_satisfied
    from {{ ref('fact_ratings') }} as ratings
    inner join {{ ref('bridge_movie_genres') }} as genres on ratings.movie_id = genres.movie_id
    where ratings.is_latest
    group by genres.genre
)

select * from genre_ratings
