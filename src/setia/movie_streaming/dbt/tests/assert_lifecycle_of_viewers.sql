{#-
Each day and month: viewers = new + returning + resurrecting, and those before = returning + dormant.
-#}
with spans as (
    select
        'day' as span,
        date_key as begin_key,
        dau as viewers,
        lag(dau) over (order by date_key) as viewers_before,
        new_viewers,
        returning_viewers,
        resurrecting_viewers,
        dormant_viewers
    from {{ ref('mart_engagement_daily') }}
    union all
    select
        'month' as span,
        month_key as begin_key,
        mau as viewers,
        lag(mau) over (order by month_key) as viewers_before,
        new_viewers,
        returning_viewers,
        resurrecting_viewers,
        dormant_viewers
    from {{ ref('mart_engagement_monthly') }}
)

select *
from spans
where
    viewers != new_viewers + returning_viewers + resurrecting_viewers
    or coalesce(viewers_before, 0) != returning_viewers + dormant_viewers
