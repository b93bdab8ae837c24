{#- What customers are worth is what they paid: merchandise + shipping + tax - discounts - refunds, person by person
    and in all against the months. -#}
with customer_faults as (
    select {{ as_text('customer_id') }} as fault
    from {{ ref('fct_customer_metrics') }}
    where monetary_value <> merchandise_value + shipping_value + tax_value - discount_value - refunded_value
),

totals as (
    select
        (select coalesce(sum(monetary_value), 0) from {{ ref('fct_customer_metrics') }}) as in_customers,
        (select coalesce(sum(net_sales + shipping + tax), 0) from {{ ref('fct_sales_monthly') }}) as in_months
),

faults as (
    select * from customer_faults
    union all
    select 'total' as fault from totals
    where in_customers <> in_months
)

select * from faults
