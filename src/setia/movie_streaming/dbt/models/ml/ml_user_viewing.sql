{#-
Grain: one row per user and cutoff, as in ml_user_snapshots, with a play by the end of that day.
Question: how much had each user watched lately, and is it more or less than before?
-#}
{{ config(materialized='view', meta={'built_by_month_of': 'cutoff_date'}) }}
{%- set days_before = days_between('days.date_key', 'cutoffs.cutoff_date') %}
with cutoffs as (
    {{ cutoff_rows() }}
),

last_weeks as (
    select
        days.user_id,
        cutoffs.cutoff_date,
        sum(case when {{ days_before }} < 7 then days.watch_minutes else 0 end) as watch_minutes_7d,
        sum(case when {{ days_before }} < 28 then days.watch_minutes else 0 end) as watch_minutes_28d,
        sum(case when {{ days_before }} < 28 then 0 else days.watch_minutes end) as watch_minutes_before,
        count(case when {{ days_before }} < 28 and days.valid_plays > 0 then 1 end) as active_days_28d,
        {%- for days in [7, 14] %}
        sum(case when {{ days_before }} < {{ days }} then days.total_sessions end) as sessions_{{ days }}d,
        {%- endfor %}
        sum(case when {{ days_before }} < 28 then days.total_sessions end) as sessions_28d,
        sum(case when {{ days_before }} < 28 then days.completed_sessions end) as completed_28d
    from cutoffs
    inner join {{ ref('fact_user_viewing_daily') }} as days
        on days.date_key <= cutoffs.cutoff_date and days.date_key > {{ add_days('cutoffs.cutoff_date', -56) }}
    group by days.user_id, cutoffs.cutoff_date
),

last_plays as (
    select
        months.user_id,
        cutoffs.cutoff_date,
        max(months.last_active_date) as last_active_date,
        sum(months.total_sessions) as sessions_so_far,
        sum(months.completed_sessions) as completed_so_far
    from cutoffs
    inner join {{ ref('fact_user_viewing_monthly') }} as months on months.last_session_date <= cutoffs.cutoff_date
    group by months.user_id, cutoffs.cutoff_date
),

viewing as (
    select
        last_plays.user_id,
        last_plays.cutoff_date,
        last_plays.last_active_date,
        {{ minutes('coalesce(last_weeks.watch_minutes_7d, 0)') }} as watch_minutes_7d,
        {{ minutes('coalesce(last_weeks.watch_minutes_28d, 0)') }} as watch_minutes_28d,
        {{ minutes('coalesce(last_weeks.watch_minutes_before, 0)') }} as watch_minutes_before,
        coalesce(last_weeks.active_days_28d, 0) as active_days_28d,
        {%- for column in ['sessions_7d', 'sessions_14d', 'sessions_28d', 'completed_28d'] %}
        {{ whole_number('coalesce(last_weeks.' ~ column ~ ', 0)') }} as {{ column }},
        {%- endfor %}
        {{ whole_number('last_plays.sessions_so_far') }} as sessions_so_far,
        {{ whole_number('last_plays.completed_so_far') }} as completed_so_far
    from last_plays
    left join last_weeks
        on last_plays.user_id = last_weeks.user_id and last_plays.cutoff_date = last_weeks.cutoff_date
)

select * from viewing
