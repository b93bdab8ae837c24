{#-
Grain: one row per local day, from the month before the first data day to a year after as_of.
Question: which month, quarter and week day is a day in?
-#}
with first_days as (
    select min(join_date) as first_day from {{ ref('prep_users') }}
    union all
    select min(start_date) as first_day from {{ ref('prep_subscriptions') }}
    union all
    select min(local_payment_date) as first_day from {{ ref('prep_payments') }}
    union all
    select min(local_rating_date) as first_day from {{ ref('prep_ratings') }}
    union all
    select min(local_start_date) as first_day from {{ ref('prep_watch_sessions') }}
),

bounds as (
    select
        {{ month_start(add_days("least(coalesce(min(first_day), " ~ as_of_date() ~ "), " ~ as_of_date() ~ ")", -1)) }}
            as first_day,
        {{ add_days(as_of_date(), 366) }} as last_day
    from first_days
),

days as (
    {{ each_day('bounds', 'first_day', 'last_day') }}
),

calendar as (
    select
        date_key,
        {{ month_start('date_key') }} as month_key,
        extract(year from date_key) as year_number,
        extract(quarter from date_key) as quarter_number,
        extract(month from date_key) as month_number,
        extract(day from date_key) as day_number,
        {{ day_name('date_key') }} as day_name,
        {{ day_name('date_key') }} in ('Saturday', 'Sunday') as is_weekend,
        {{ is_complete_month('date_key') }} as is_complete_month
    from days
)

select * from calendar
