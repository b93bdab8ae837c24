{#- Over all cohorts, who bought in a month and what it brought in are what fct_sales_monthly says; each cohort buys
    whole in its first month. -#}
with cohort_months as (
    select
        month_key,
        sum(retained_customers) as active_customers,
        sum(orders) as orders,
        sum(net_sales) as net_sales
    from {{ ref('fct_cohort_retention_monthly') }}
    where is_mature
    group by month_key
),

faults as (
    select months.month_key
    from {{ ref('fct_sales_monthly') }} as months
    left join cohort_months on months.month_key = cohort_months.month_key
    where
        months.is_complete
        and (
            months.active_customers <> coalesce(cohort_months.active_customers, -1)
            or months.orders <> cohort_months.orders
            or months.net_sales <> cohort_months.net_sales
        )
    union all
    select cohort_month as month_key
    from {{ ref('fct_cohort_retention_monthly') }}
    where months_since = 0 and is_mature and retained_customers <> customers
)

select * from faults
