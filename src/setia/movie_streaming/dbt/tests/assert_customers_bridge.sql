{#- opening + new + reactivated - churned = closing customers, and each closing opens the next month. -#}
with months as (
    select
        *,
        lag(closing_customers) over (order by month_key) as customers_before,
        lag(closing_mrr) over (order by month_key) as mrr_before
    from {{ ref('mart_subscriber_movements_monthly') }}
),

broken_months as (
    select *
    from months
    where
        opening_customers + new_customers + reactivated_customers
        - churned_customers_voluntary - churned_customers_involuntary != closing_customers
        or opening_customers != coalesce(customers_before, 0)
        or opening_mrr != coalesce(mrr_before, 0)
)

select * from broken_months
