{#- Grain: one row a cohort (the month of a customer's first completed order) and month in which it bought. Question: what did
    each cohort buy each month? A month hangs on the first orders before it: built from the first changed month on. -#}
{{ config(**by_month('month_key', onward=0)) }}
with cohort_months as (
    select
        {{ month_start('customers.first_order_date') }} as cohort_month,
        months.month_key,
        count(*) as retained_customers,
        {{ whole_number('sum(months.orders)') }} as orders,
        {{ money('sum(months.order_subtotal - months.discount_amount - months.refunded_amount)') }} as net_sales,
        {{ money('sum(coalesce(months.contribution_margin, 0))') }} as contribution_margin,
        {{ whole_number('sum(months.orders_without_cost)') }} as orders_without_cost
    from {{ ref('int_customer_months') }} as months
    inner join {{ ref('int_customer_rfm') }} as customers on months.customer_id = customers.customer_id
    where {{ from_rebuilt_months('months.month_key') }}
    group by {{ month_start('customers.first_order_date') }}, months.month_key
)

select * from cohort_months
