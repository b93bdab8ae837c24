{#- Grain: one row a month with a completed order. Question: what was sold, and who bought first, again, or after long?
    Which order is a customer's first hangs on earlier months: built from the first changed month on. -#}
{{ config(**by_month('month_key', onward=0)) }}
with sales as (
    select
        month_key,
        {{ money('sum(order_subtotal)') }} as merchandise,
        {{ money('sum(discount_amount)') }} as discounts,
        {{ money('sum(refunded_amount)') }} as refunds,
        {{ money('sum(shipping_cost)') }} as shipping,
        {{ money('sum(tax_amount)') }} as tax,
        {{ whole_number('sum(orders)') }} as orders,
        count(*) as active_customers
    from {{ ref('int_customer_months') }}
    where {{ from_rebuilt_months('month_key') }}
    group by month_key
),

arrivals as (
    select
        order_month_start as month_key,
        count(case when order_number = 1 then 1 end) as new_customers,
        count(case when order_number = 2 then 1 end) as second_orders,
        count(case when days_since_previous > {{ live_days() }} then 1 end) as reactivated_customers
    from {{ ref('int_order_sequence') }}
    where {{ from_rebuilt_months('order_date') }}
    group by order_month_start
),

sales_months as (
    select
        sales.*,
        arrivals.new_customers,
        arrivals.second_orders,
        arrivals.reactivated_customers
    from sales
    inner join arrivals on sales.month_key = arrivals.month_key
)

select * from sales_months
