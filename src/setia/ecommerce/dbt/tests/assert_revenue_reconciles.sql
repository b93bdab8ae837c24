{#- Revenue is one number: over customers it is that of products + shipping + tax - discounts - refunds, in persons and
    months the same, and customer by customer. -#}
with customer_faults as (
    select {{ as_text('customer_id') }} as fault
    from {{ ref('fct_customer_metrics') }}
    where monetary_value <> merchandise_value + shipping_value + tax_value - discount_value - refunded_value
),

totals as (
    select
        (select coalesce(sum(monetary_value), 0) from {{ ref('fct_customer_metrics') }}) as in_customers,
        (select coalesce(sum(monetary_value), 0) from {{ ref('dim_persons') }}) as in_persons,
        (select coalesce(sum(merchandise_value), 0) from {{ ref('fct_customer_metrics') }}) as merchandise,
        (select coalesce(sum(revenue), 0) from {{ ref('fct_product_performance') }}) as in_products,
        (select coalesce(sum(merchandise), 0) from {{ ref('fct_sales_monthly') }}) as in_months,
        (select coalesce(sum(shipping + tax - discounts - refunds), 0) from {{ ref('fct_sales_monthly') }}) as the_rest
),

faults as (
    select * from customer_faults
    union all
    select 'total' as fault from totals
    where
        in_customers <> in_products + the_rest
        or in_customers <> in_persons
        or in_products <> in_months
        or in_products <> merchandise
)

select * from faults
