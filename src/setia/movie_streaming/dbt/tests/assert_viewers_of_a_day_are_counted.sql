{#-
Every day's viewers are those with a session of two minutes, and every month's sessions are in its titles.
-#}
with days as (
    select
        date_key,
        count(*) as viewers
    from {{ ref('fact_user_viewing_daily') }}
    where valid_plays > 0 and {{ in_tested_months('date_key') }}
    group by date_key
),

engagement as (
    select
        date_key,
        dau
    from {{ ref('mart_engagement_daily') }}
    where dau > 0 and {{ in_tested_months('date_key') }}
)

select
    days.date_key,
    days.viewers,
    engagement.dau
from days
full outer join engagement on days.date_key = engagement.date_key
where coalesce(days.viewers, 0) != coalesce(engagement.dau, 0)
