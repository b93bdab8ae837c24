{#-
In each month: what the titles brought in and what nobody watched for is the revenue, to the last decimal.
-#}
with titles as (
    select
        month_key,
        sum(attributed_revenue) as attributed_revenue
    from {{ ref('mart_content_value') }}
    group by month_key
),

payments as (
    select
        month_key,
        sum(completed_amount) as revenue
    from {{ ref('fact_payments') }}
    where is_completed
    group by month_key
),

months as (
    select
        coalesce(payments.month_key, content.month_key) as month_key,
        payments.revenue,
        content.revenue as published_revenue,
        content.attributed_revenue,
        content.unattributed_revenue
    from payments
    full outer join {{ ref('mart_content_revenue_monthly') }} as content on payments.month_key = content.month_key
)

select
    months.month_key,
    months.revenue,
    months.published_revenue,
    months.attributed_revenue,
    titles.attributed_revenue as revenue_of_titles
from months
left join titles on months.month_key = titles.month_key
where
    coalesce(months.revenue, -1) != coalesce(months.published_revenue, -1)
    or months.attributed_revenue + months.unattributed_revenue != months.revenue
    or months.attributed_revenue != coalesce(titles.attributed_revenue, 0)
