{#-
Grain: one row per title and local month in which somebody who paid watched it.
Question: how much of what its viewers paid in a month is a title's?
What a user paid in a month is split over the titles by share of the minutes that the user watched in it. Each
title gets the difference of two running shares, so that no cent is lost.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with user_revenue as (
    select
        user_id,
        month_key,
        sum(completed_amount) as revenue
    from {{ ref('fact_payments') }}
    where {{ in_rebuilt_months('month_key') }}
    group by user_id, month_key
    having sum(completed_amount) > 0
),

user_titles as (
    select
        activity.user_id,
        activity.movie_id,
        activity.month_key,
        user_revenue.revenue,
        sum(activity.watch_duration_minutes) as minutes
    from {{ ref('fact_user_activity') }} as activity
    inner join user_revenue
        on activity.user_id = user_revenue.user_id and activity.month_key = user_revenue.month_key
    where {{ in_rebuilt_months('activity.date_key') }} and activity.watch_duration_minutes > 0
    group by activity.user_id, activity.movie_id, activity.month_key, user_revenue.revenue
),

running_titles as (
    select
        user_id,
        movie_id,
        month_key,
        revenue,
        sum(minutes) over (partition by user_id, month_key) as all_minutes,
        sum(minutes) over (
            partition by user_id, month_key order by movie_id rows between unbounded preceding and current row
        ) as minutes_so_far
    from user_titles
),

running_shares as (
    select
        user_id,
        movie_id,
        month_key,
        case
            when minutes_so_far = all_minutes then revenue
            else {{ divide_money('revenue * minutes_so_far', 'all_minutes') }}
        end as revenue_so_far
    from running_titles
),

title_shares as (
    select
        movie_id,
        month_key,
        revenue_so_far
        - coalesce(lag(revenue_so_far) over (partition by user_id, month_key order by movie_id), 0) as revenue
    from running_shares
),

title_revenue as (
    select
        movie_id,
        month_key,
        count(*) as payers,
        sum(revenue) as attributed_revenue
    from title_shares
    group by movie_id, month_key
)

select * from title_revenue
