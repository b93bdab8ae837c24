{#- Grain: one row a customer with a completed order. Question: what did their last year of buying leave the shop?
    The year: the 12 calendar months that end with the month of the last order, however long ago that is. Of who has not
    ordered since, int_customer_past knows it; of the others it lies in the months of a year before its end, and later. -#}
with recent_customers as (
    select
        customer_id,
        max(month_key) as last_month
    from {{ ref('int_customer_months') }}
    where month_key >= date '{{ past_ends() }}'
    group by customer_id
),

recent_years as (
    select
        months.customer_id,
        {{ whole_number('sum(months.orders)') }} as last_year_orders,
        case when sum(months.orders_without_cost) = 0 then {{ amount('sum(months.contribution_margin)') }} end
            as last_year_margin
    from {{ ref('int_customer_months') }} as months
    inner join recent_customers on months.customer_id = recent_customers.customer_id
    where
        months.month_key > {{ add_days("date '" ~ past_ends() ~ "'", -350) }}
        -- The first of the twelve begins 334 to 337 days before the last, the one before it at least 365.
        and months.month_key > {{ add_days('recent_customers.last_month', -350) }}
    group by months.customer_id
),

last_years as (
    select * from recent_years
    union all
    select
        past.customer_id,
        past.last_year_orders,
        past.last_year_margin
    from {{ ref('int_customer_past') }} as past
    left join recent_customers on past.customer_id = recent_customers.customer_id
    where recent_customers.customer_id is null
)

select * from last_years
