{#- Grain: one row a customer, with or without orders. Question: what is each customer worth, and how alive? -#}
with customer_profile as (
    select
        {{ customer_metrics() }}
    from {{ ref('stg_customers') }} as customers
    inner join {{ ref('int_customer_persons') }} as persons on customers.customer_id = persons.customer_id
    left join {{ ref('int_customer_rfm') }} as rfm on customers.customer_id = rfm.customer_id
    left join {{ ref('int_customer_cadence') }} as cadence on customers.customer_id = cadence.customer_id
)

select * from customer_profile
