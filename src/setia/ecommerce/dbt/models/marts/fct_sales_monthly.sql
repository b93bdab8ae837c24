{#- Grain: one row a month, from the first completed order to as_of. Question: how is the shop doing, month by month?
    A customer is live for 90 days after an order and churned on the 91st day without another; money is dated by its order. -#}
with first_and_last_month as (
    select
        min(month_key) as first_month,
        {{ month_start(as_of_date()) }} as last_month
    from {{ ref('int_sales_monthly') }}
),

months as (
    {{ month_rows('first_and_last_month', 'first_month', 'last_month') }}
),

churned as (
    select
        churned_month as month_key,
        customers
    from {{ ref('int_returns_monthly') }}
    union all
    select
        {{ month_start(add_days('last_order_date', live_days() + 1)) }} as month_key,
        1 as customers
    from {{ ref('int_customer_rfm') }}
    where {{ add_days('last_order_date', live_days() + 1) }} <= {{ as_of_date() }}
),

churn as (
    select
        month_key,
        {{ whole_number('sum(customers)') }} as churned_customers
    from churned
    group by month_key
),

counted as (
    select
        months.month_key,
        {{ local_date(as_of()) }} >= {{ next_month('months.month_key') }} as is_complete,
        {% for column in ('orders', 'active_customers', 'new_customers', 'second_orders', 'reactivated_customers') -%}
        {{ whole_number('coalesce(' ~ column ~ ', 0)') }} as {{ column }},
        {% endfor -%}
        {% for column in ('merchandise', 'discounts', 'refunds', 'shipping', 'tax') -%}
        {{ money('coalesce(sales.' ~ column ~ ', 0)') }} as {{ column }},
        {% endfor -%}
        coalesce(churn.churned_customers, 0) as churned_customers
    from months
    left join {{ ref('int_sales_monthly') }} as sales on months.month_key = sales.month_key
    left join churn on months.month_key = churn.month_key
),

accumulated as (
    select
        *,
        {% set so_far = 'over (order by month_key rows unbounded preceding)' -%}
        {{ whole_number('sum(new_customers) ' ~ so_far) }} as customers_to_date,
        {{ whole_number('sum(second_orders) ' ~ so_far) }} as repeat_customers_to_date,
        {{ whole_number('sum(new_customers + reactivated_customers - churned_customers) ' ~ so_far) }} as live_customers
    from counted
),

with_rates as (
    select
        month_key, is_complete, orders, active_customers, new_customers, reactivated_customers, churned_customers,
        live_customers - new_customers - reactivated_customers + churned_customers as live_customers_at_start,
        live_customers,
        customers_to_date, repeat_customers_to_date,
        {{ ratio('churned_customers', 'live_customers - new_customers - reactivated_customers + churned_customers') }}
            as churn_rate,
        {{ ratio('repeat_customers_to_date', 'customers_to_date') }} as repeat_purchase_rate,
        merchandise, discounts, refunds, shipping, tax,
        {{ money('merchandise - discounts - refunds') }} as net_sales,
        {{ divide_money('merchandise - discounts - refunds', 'orders', 2, 18) }} as avg_order_value
    from accumulated
)

select * from with_rates
