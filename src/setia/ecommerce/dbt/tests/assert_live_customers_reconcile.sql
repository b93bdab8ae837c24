{#- Customers live at the end of the last month are those whose last order is at most 90 days before as_of. -#}
with live as (
    select
        (
            select coalesce(sum(new_customers + reactivated_customers - churned_customers), 0)
            from {{ ref('fct_sales_monthly') }}
        ) as by_movements,
        (
            select count(*) from {{ ref('fct_customer_metrics') }}
            where recency_days <= 90
        ) as by_recency
)

select * from live
where by_movements <> by_recency
