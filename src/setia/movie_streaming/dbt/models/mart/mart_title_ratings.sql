{#-
Grain: one row per title with a rating given before as_of.
Question: how well is a title liked, allowing for how few may have said so?
A user has one vote a title, the latest. weighted_rating is IMDb's: v / (v + m) x R + m / (v + m) x C, with v
votes of mean R, C the mean of all votes, and m the votes that three quarters of the titles do not exceed. The low
end of the share of 4 and more is Wilson's (1927), at 95 %.
-#}
{%- set z = 1.959964 -%}
{{ config(cluster_by=bq_cluster(['movie_id'])) }}
with votes as (
    select
        movie_id,
        rating_score,
        case when rating_score >= 4 then 1.0 else 0.0 end as is_satisfied
    from {{ ref('fact_ratings') }}
    where is_latest
),

mean_of_all as (
    select {{ ratio('sum(rating_score)', 'count(*)') }} as mean_score
    from votes
),

titles as (
    select
        movie_id,
        count(*) as total_votes,
        {{ ratio('sum(rating_score)', 'count(*)') }} as mean_score,
        cast(sum(rating_score) as {{ type_double() }}) as score_sum,
        cast(sum(rating_score * rating_score) as {{ type_double() }}) as square_sum,
        {{ ratio('sum(is_satisfied)', 'count(*)') }} as share_satisfied
    from votes
    group by movie_id
),

titles_with_prior as (
    select
        titles.*,
        mean_of_all.mean_score as mean_of_all,
        {{ percentile_cont_over('titles.total_votes', 0.75) }} as prior_votes
    from titles
    cross join mean_of_all
),

title_ratings as (
    select
        movie_id,
        total_votes,
        mean_score as avg_rating,
        case
            when total_votes > 1
                then sqrt(
                    greatest(0, square_sum - score_sum * score_sum / total_votes) / (total_votes - 1) / total_votes
                )
        end as standard_error,
        (total_votes * mean_score + prior_votes * mean_of_all) / (total_votes + prior_votes) as weighted_rating,
        share_satisfied,
        greatest(0, (
            share_satisfied + {{ z * z }} / (2 * total_votes)
            - {{ z }} * sqrt(
                share_satisfied * (1 - share_satisfied) / total_votes
                + {{ z * z }} / (4 * total_votes * total_votes)
            )
        ) / (1 + {{ z * z }} / total_votes)) as share_satisfied_low
    from titles_with_prior
)

select * from title_ratings
