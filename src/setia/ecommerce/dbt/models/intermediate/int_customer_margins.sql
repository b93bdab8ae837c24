{#- Grain: one row a customer with a completed order. Question: what did their last year of buying leave the shop?
    The year: the 12 calendar months that end with the month of the last order, however long ago that is. -#}
with last_months as (
    select
        customer_id,
        max(month_key) as last_month
    from {{ ref('int_customer_months') }}
    group by customer_id
),

last_years as (
    select
        months.customer_id,
        {{ whole_number('sum(months.orders)') }} as last_year_orders,
        case when sum(months.orders_without_cost) = 0 then {{ money('sum(months.contribution_margin)') }} end
            as last_year_margin
    from {{ ref('int_customer_months') }} as months
    inner join last_months on months.customer_id = last_months.customer_id
    -- The first of the twelve begins 334 to 337 days before the last, the one before it at least 365.
    where months.month_key > {{ add_days('last_months.last_month', -350) }}
    group by months.customer_id
)

select * from last_years
