{#- Grain: one row a customer, with or without orders. Question: what is each customer worth, and how alive? -#}
with customer_profile as (
    select
        {{ customer_metrics() }}
    from {{ ref('stg_customers') }} as customers
    left join {{ ref('int_customer_rfm') }} as rfm on customers.customer_id = rfm.customer_id
)

select * from customer_profile
