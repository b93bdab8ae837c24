{#-
Those who pay n months later or after that are never fewer than those who do one month after.
-#}
with steps as (
    select
        cohort_month,
        months_since,
        on_or_after_users,
        lag(on_or_after_users) over (partition by cohort_month order by months_since) as users_before
    from {{ ref('mart_cohort_retention_monthly') }}
)

select *
from steps
where on_or_after_users > users_before
