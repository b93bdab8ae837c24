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

spans as (
    select
        date_key,
        least(coalesce({{ days_between('date_key', 'next_date') }}, 31), 31) as days,
        coalesce(previous_date = {{ add_days('date_key', -1) }}, false) as is_returning,
        count(*) as viewers
    from active_days
    group by 1, 2, 3
),

ages as (
    {{ each_number(0, 30) }}
),

covered_days as (
    select
        {{ add_days('spans.date_key', 'ages.number') }} as date_key,
        ages.number as age,
        spans.is_returning,
        spans.viewers
    from spans
    inner join ages on spans.days > ages.number
),

viewers as (
    select
        date_key,
        {{ month_start('date_key') }} as month_key,
        {%- for name, is_counted in [
            ('dau', 'age = 0'),
            ('wau', 'age < 7'),
            ('mau', 'age < 30'),
            ('returning_viewers', 'age = 0 and is_returning'),
            ('dormant_viewers', 'age = 1'),
        ] %}
        {{ whole_number('sum(case when ' ~ is_counted ~ ' then viewers else 0 end)') }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from covered_days
    where date_key <= {{ as_of_date() }} and {{ in_rebuilt_months('date_key') }}
    group by date_key
)

select * from viewers
