{#-
Grain: one row per cohort (the month of the movement `new`) and month of its life, to the month of as_of.
Question: of those who began to pay in a month, how many pay at the closing of each later one, how many
at that or a later closing of a complete month, and how much?
-#}
with numbered_months as (
    select
        month_key,
        is_complete,
        row_number() over (order by month_key) as month_place
    from {{ ref('dim_subscription_months') }}
),

user_months as (
    select
        mrr_months.user_id,
        mrr_months.closing_mrr,
        numbered_months.month_place,
        numbered_months.is_complete
    from {{ ref('fact_user_mrr_monthly') }} as mrr_months
    inner join numbered_months on mrr_months.month_key = numbered_months.month_key
),

user_lives as (
    select
        user_id,
        min(month_place) as cohort_place,
        max(case when closing_mrr > 0 and is_complete then month_place end) as last_place
    from user_months
    group by user_id
),

cohorts as (
    select
        cohort_place,
        count(*) as cohort_users
    from user_lives
    group by cohort_place
),

paying as (
    select
        user_lives.cohort_place,
        user_months.month_place,
        count(*) as retained_users,
        sum(user_months.closing_mrr) as retained_mrr
    from user_months
    inner join user_lives on user_months.user_id = user_lives.user_id
    where user_months.closing_mrr > 0
    group by user_lives.cohort_place, user_months.month_place
),

last_places as (
    select
        cohort_place,
        last_place,
        count(*) as users
    from user_lives
    where last_place is not null
    group by cohort_place, last_place
),

cohort_months as (
    select
        first_months.month_key as cohort_month,
        months.month_key,
        months.month_place - cohorts.cohort_place as months_since,
        months.is_complete,
        cohorts.cohort_users,
        cohorts.cohort_place,
        months.month_place
    from cohorts
    inner join numbered_months as first_months on cohorts.cohort_place = first_months.month_place
    inner join numbered_months as months on cohorts.cohort_place <= months.month_place
),

cohort_life as (
    select
        cohort_months.cohort_month,
        cohort_months.month_key,
        cohort_months.months_since,
        cohort_months.is_complete,
        cohort_months.cohort_users,
        coalesce(max(paying.retained_users), 0) as retained_users,
        coalesce({{ whole_number('sum(last_places.users)') }}, 0) as on_or_after_users,
        coalesce(max(paying.retained_mrr), 0) as retained_mrr
    from cohort_months
    left join paying
        on cohort_months.cohort_place = paying.cohort_place and cohort_months.month_place = paying.month_place
    left join last_places
        on
            cohort_months.cohort_place = last_places.cohort_place
            and cohort_months.month_place <= last_places.last_place
    group by
        cohort_months.cohort_month, cohort_months.month_key, cohort_months.months_since,
        cohort_months.is_complete, cohort_months.cohort_users
)

select * from cohort_life
