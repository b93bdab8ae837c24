{#-
In each complete month the cohorts' payers and MRR are all payers and MRR.
-#}
with cohorts as (
    select
        month_key,
        sum(retained_users) as users,
        sum(retained_mrr) as mrr
    from {{ ref('mart_cohort_retention_monthly') }}
    where is_mature
    group by month_key
),

movements as (
    select
        month_key,
        closing_customers,
        closing_mrr
    from {{ ref('mart_subscriber_movements_monthly') }}
    where is_complete
)

select
    movements.month_key,
    cohorts.users,
    movements.closing_customers,
    cohorts.mrr,
    movements.closing_mrr
from movements
left join cohorts on movements.month_key = cohorts.month_key
where
    coalesce(cohorts.users, 0) != movements.closing_customers
    or coalesce(cohorts.mrr, 0) != movements.closing_mrr
