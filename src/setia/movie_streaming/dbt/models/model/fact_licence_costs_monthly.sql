{#-
Grain: one row per title and local month with a day of its licence, to the month of as_of.
Question: what did the licence cost in that month? Its cost has the same share as the days of its window, to
as_of's day; a title without a cost or without a window is left out.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with licences as (
    select
        movie_id,
        license_cost,
        available_from,
        {{ add_days('available_to', 1) }} as ends_on,
        {{ month_start('available_from') }} as first_month,
        least(available_to, {{ as_of_date() }}) as last_day
    from {{ ref('dim_movies') }}
    where
        license_cost is not null
        and available_from <= available_to
        and available_from <= {{ as_of_date() }}
),

months as (
    {{ month_rows('licences', 'first_month', 'last_day', key='movie_id') }}
),

licence_months as (
    select
        months.movie_id,
        months.month_key,
        licences.license_cost,
        {{ days_between('licences.available_from', 'licences.ends_on') }} as licensed_days,
        {{ days_between(
            'greatest(licences.available_from, months.month_key)',
            'least(licences.ends_on, ' ~ next_month('months.month_key') ~ ', ' ~ add_days(as_of_date(), 1) ~ ')'
        ) }} as days_of_month
    from months
    inner join licences on months.movie_id = licences.movie_id
    where {{ in_rebuilt_months('months.month_key') }}
),

licence_costs as (
    select
        movie_id,
        month_key,
        days_of_month as licensed_days,
        {{ divide_money('license_cost * days_of_month', 'licensed_days') }} as licence_cost
    from licence_months
)

select * from licence_costs
