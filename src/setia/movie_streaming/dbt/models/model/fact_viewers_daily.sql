{#-
Grain: one row per local day, from the first day with a viewer to as_of's day.
Question: how many people watched that day, in the 7 and the 30 days that end with it, and how many had
watched the day before? People are counted once in each span: each active day of a user stands for the
days up to the next one, at most 30, and so every user of a span is counted by their last active day in it.
-#}
{{ config(**by_month('date_key')) }}
with active_days as (
    select
        user_id,
        date_key,
        lag(date_key) over (partition by user_id order by date_key) as previous_date,
        lead(date_key) over (partition by user_id order by date_key) as next_date
    from {{ ref('fact_user_viewing_daily') }}
    where valid_plays > 0 and {{ in_rebuilt_months('date_key', 31) }}
),

ages as (
    {{ each_number(0, 30) }}
),

covered_days as (
    select
        {{ add_days('active_days.date_key', 'ages.number') }} as date_key,
        ages.number as age,
        active_days.previous_date = {{ add_days('active_days.date_key', -1) }} as is_returning
    from active_days
    inner join ages
        on
            active_days.next_date is null
            or ages.number < {{ days_between('active_days.date_key', 'active_days.next_date') }}
),

viewers as (
    select
        date_key,
        {{ month_start('date_key') }} as month_key,
        count(case when age = 0 then 1 end) as dau,
        count(case when age < 7 then 1 end) as wau,
        count(case when age < 30 then 1 end) as mau,
        count(case when age = 0 and is_returning then 1 end) as returning_viewers,
        count(case when age = 1 then 1 end) as dormant_viewers
    from covered_days
    where date_key <= {{ as_of_date() }} and {{ in_rebuilt_months('date_key') }}
    group by date_key
)

select * from viewers
