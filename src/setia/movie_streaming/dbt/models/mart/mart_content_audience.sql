{#-
Grain: one row per title that somebody began in the 28 days to as_of.
Question: which titles do people watch who are new, or who may leave? A title that holds them is worth more than
its hours say.
-#}
{{ config(cluster_by=bq_cluster(['movie_id'])) }}
with title_viewers as (
    select
        user_id,
        movie_id,
        sum(watch_duration_minutes) as minutes
    from {{ ref('fact_user_activity') }}
    where date_key > {{ add_days(as_of_date(), -28) }}
    group by user_id, movie_id
    having sum(watch_duration_minutes) >= {{ var('valid_play_minutes') }}
),

users_at_risk as (
    select user_id
    from {{ ref('fact_retargeting_reasons') }}
    where reason in ('payment_failed', 'canceling', 'fading')
),

audience as (
    select
        title_viewers.movie_id,
        count(*) as viewers,
        sum(title_viewers.minutes) as watched_minutes,
        count(case when dim_users.first_paid_date > {{ add_days(as_of_date(), -60) }} then 1 end) as new_viewers,
        count(users_at_risk.user_id) as viewers_at_risk
    from title_viewers
    inner join {{ ref('dim_users') }} as dim_users on title_viewers.user_id = dim_users.user_id
    left join users_at_risk on title_viewers.user_id = users_at_risk.user_id
    group by title_viewers.movie_id
),

audience_with_shares as (
    select
        movie_id,
        viewers,
        watched_minutes,
        new_viewers,
        viewers_at_risk,
        {{ ratio('new_viewers', 'viewers') }} as share_new,
        {{ ratio('viewers_at_risk', 'viewers') }} as share_at_risk
    from audience
)

select * from audience_with_shares
