{#-
Grain: one row per local day, from the first day with a viewer to as_of's day.
Question: how many people watch, and do they come back? A viewer has played something for two minutes.
dau = new + returning + resurrecting; dau of the day before = returning + dormant.
-#}
{{ config(partition_by=bq_partition('date_key')) }}
with first_days as (
    select
        user_id,
        min(first_active_date) as first_active_date
    from {{ ref('fact_user_viewing_monthly') }}
    group by user_id
),

new_viewers as (
    select
        first_active_date as date_key,
        count(*) as new_viewers
    from first_days
    group by first_active_date
),

bounds as (
    select min(first_active_date) as first_day
    from first_days
),

calendar as (
    select dim_date.*
    from {{ ref('dim_date') }} as dim_date
    cross join bounds
    where dim_date.date_key >= bounds.first_day and dim_date.date_key <= {{ as_of_date() }}
),

engagement as (
    select
        calendar.date_key,
        calendar.month_key,
        coalesce(viewers.dau, 0) as dau,
        coalesce(viewers.wau, 0) as wau,
        coalesce(viewers.mau, 0) as mau,
        {{ ratio('viewers.dau', 'viewers.mau') }} as stickiness,
        coalesce(new_viewers.new_viewers, 0) as new_viewers,
        coalesce(viewers.returning_viewers, 0) as returning_viewers,
        coalesce(viewers.dau - viewers.returning_viewers, 0) - coalesce(new_viewers.new_viewers, 0)
            as resurrecting_viewers,
        coalesce(viewers.dormant_viewers, 0) as dormant_viewers,
        calendar.date_key < {{ first_open_day() }} as is_complete
    from calendar
    left join {{ ref('fact_viewers_daily') }} as viewers on calendar.date_key = viewers.date_key
    left join new_viewers on calendar.date_key = new_viewers.date_key
)

select * from engagement
