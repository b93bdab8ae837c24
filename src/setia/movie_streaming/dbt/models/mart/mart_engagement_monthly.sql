{#-
Grain: one row per local month, from the first with a viewer to that of as_of.
Question: how many people watch in a month, how often and how long, and do they come back?
mau = new + returning + resurrecting; mau of the month before = returning + dormant. First days of two months are at
most 31 days apart when one follows the other.
-#}
{{ config(partition_by=bq_partition('month_key')) }}
with active_months as (
    select
        user_id,
        month_key,
        active_days,
        exclusive_minutes,
        total_sessions,
        lag(month_key) over (partition by user_id order by month_key) as previous_month,
        lead(month_key) over (partition by user_id order by month_key) as next_month
    from {{ ref('fact_user_viewing_monthly') }}
    where active_days > 0
),

month_totals as (
    select
        month_key,
        count(*) as mau,
        {{ whole_number('sum(active_days)') }} as viewer_days,
        {{ whole_number('sum(total_sessions)') }} as total_sessions,
        sum(exclusive_minutes) as watched_minutes,
        count(case when previous_month is null then 1 end) as new_viewers,
        count(case when {{ days_between('previous_month', 'month_key') }} <= 31 then 1 end) as returning_viewers,
        count(case when {{ days_between('previous_month', 'month_key') }} > 31 then 1 end) as resurrecting_viewers
    from active_months
    group by month_key
),

last_months as (
    select
        month_key,
        count(*) as dormant_viewers
    from active_months
    where next_month is null or {{ days_between('month_key', 'next_month') }} > 31
    group by month_key
),

dormant_totals as (
    select
        {{ next_month('month_key') }} as month_key,
        dormant_viewers
    from last_months
),

bounds as (
    select min(month_key) as first_month
    from month_totals
),

calendar as (
    select
        dim_date.month_key,
        count(*) as days
    from {{ ref('dim_date') }} as dim_date
    cross join bounds
    where dim_date.month_key >= bounds.first_month and dim_date.date_key <= {{ as_of_date() }}
    group by dim_date.month_key
),

engagement as (
    select
        calendar.month_key,
        coalesce(month_totals.mau, 0) as mau,
        {{ ratio('coalesce(month_totals.viewer_days, 0)', 'calendar.days') }} as avg_dau,
        {{ ratio('month_totals.viewer_days', 'calendar.days * month_totals.mau') }} as stickiness,
        coalesce(month_totals.new_viewers, 0) as new_viewers,
        coalesce(month_totals.returning_viewers, 0) as returning_viewers,
        coalesce(month_totals.resurrecting_viewers, 0) as resurrecting_viewers,
        coalesce(dormant_totals.dormant_viewers, 0) as dormant_viewers,
        coalesce(month_totals.total_sessions, 0) as total_sessions,
        coalesce(month_totals.watched_minutes, 0) as watched_minutes,
        {{ divide_money('month_totals.watched_minutes', 'month_totals.mau') }} as watched_minutes_per_viewer,
        {{ is_complete_month('calendar.month_key') }} as is_complete
    from calendar
    left join month_totals on calendar.month_key = month_totals.month_key
    left join dormant_totals on calendar.month_key = dormant_totals.month_key
)

select * from engagement
