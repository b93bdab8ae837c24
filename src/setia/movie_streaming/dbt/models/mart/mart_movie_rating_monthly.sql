{#-
Grain: one row per title and local month with a rating.
Question: how were titles rated each month? A rater counts once a month, with the last score given.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with movie_months as (
    select
        {{ as_text('movie_id') }} || '_' || {{ month_text('month_key') }} as movie_month_key,
        movie_id,
        month_key,
        {{ divide_money(
            'sum(case when is_latest_in_month then rating_score end)',
            'count(case when is_latest_in_month then 1 end)'
        ) }} as avg_rating,
        count(*) as total_ratings,
        count(distinct user_id) as unique_raters,
        {{ is_complete_month('month_key') }} as is_complete
    from {{ ref('fact_ratings') }}
    where {{ in_rebuilt_months('month_key') }}
    group by movie_id, month_key
)

select * from movie_months
