{#-
Every user with a failed last charge on an active subscription, and everybody who stopped paying within
180 days and does not pay now, is a candidate; nobody is told of a title that they have seen.
-#}
with expected as (
    select distinct dim_subscriptions.user_id
    from {{ ref('dim_subscriptions') }} as dim_subscriptions
    inner join {{ ref('dim_users') }} as dim_users on dim_subscriptions.user_id = dim_users.user_id
    where
        (dim_subscriptions.subscription_status = 'active' and dim_subscriptions.last_payment_status = 'failed')
        or (
            dim_users.subscription_status = 'inactive'
            and dim_subscriptions.mrr > 0
            and dim_subscriptions.subscription_status in ('canceled', 'expired')
            and dim_subscriptions.end_date > {{ add_days(as_of_date(), -180) }}
        )
),

left_out as (
    select expected.user_id
    from expected
    left join {{ ref('mart_retargeting_candidates') }} as candidates on expected.user_id = candidates.user_id
    where candidates.user_id is null
),

already_seen as (
    select distinct candidates.user_id
    from {{ ref('mart_retargeting_candidates') }} as candidates
    inner join {{ ref('fact_user_activity') }} as activity
        on candidates.user_id = activity.user_id and candidates.movie_id = activity.movie_id
)

select user_id from left_out
union all
select user_id from already_seen
