{#- Every customer is in one segment of each kind, and Prospect holds exactly those without orders. -#}
with customers as (
    select customer_id from {{ ref('stg_customers') }}
),

faults as (
    select customers.customer_id
    from customers
    left join {{ ref('dim_customer_segments') }} as segments on customers.customer_id = segments.customer_id
    where
        segments.customer_segment is null
        or segments.rfm_segment is null
        or segments.recommended_action is null
        or (segments.customer_segment = 'Prospect') <> (segments.total_orders = 0)
        or (segments.rfm_segment = 'Prospect') <> (segments.total_orders = 0)
)

select * from faults
