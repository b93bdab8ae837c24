{#-
Grain: one row per month of subscription history, to the month of as_of.
Question: at which two local midnights are a month's opening and closing taken?
The first month is that of the day before the first period starts: a period that starts on the first
of a month is in the closing of the month before, where its movement belongs.
-#}
with first_subscription as (
    select {{ month_start(add_days('min(start_date)', -1)) }} as first_month
    from {{ ref('dim_subscriptions') }}
),

months as (
    select
        dim_date.month_key,
        dim_date.month_key as opening_date,
        least({{ next_month('dim_date.month_key') }}, {{ add_days(as_of_date(), 1) }}) as closing_date,
        dim_date.is_complete_month as is_complete
    from {{ ref('dim_date') }} as dim_date
    cross join first_subscription
    where
        dim_date.date_key = dim_date.month_key
        and dim_date.month_key >= first_subscription.first_month
        and dim_date.month_key <= {{ as_of_date() }}
)

select * from months
