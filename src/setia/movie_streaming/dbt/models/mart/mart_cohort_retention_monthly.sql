{#-
Grain: one row per cohort (the month of the movement `new`) and month of its life, to the month of as_of.
Question: of those who began to pay in a month, how many pay n months later, and how much?
Users pay in a month when they have MRR at its closing; `retained` counts that month alone, `on_or_after` it or
any later one. A month that is not complete is not mature: its figures are NULL.
-#}
{{ config(partition_by=bq_partition('cohort_month')) }}
with mature_months as (
    select
        cohort_month,
        months_since,
        month_key,
        cohort_users,
        is_complete as is_mature,
        case when is_complete then retained_users end as retained_users,
        case when is_complete then on_or_after_users end as on_or_after_users,
        case when is_complete then retained_mrr end as retained_mrr
    from {{ ref('fact_cohort_months') }}
),

retention as (
    select
        cohort_month,
        months_since,
        month_key,
        cohort_users,
        retained_users,
        on_or_after_users,
        retained_mrr,
        {{ ratio('retained_users', 'cohort_users') }} as retention_rate,
        {{ ratio('on_or_after_users', 'cohort_users') }} as on_or_after_rate,
        {{ divide_money('retained_mrr', 'cohort_users') }} as mrr_per_cohort_user,
        is_mature
    from mature_months
)

select * from retention
