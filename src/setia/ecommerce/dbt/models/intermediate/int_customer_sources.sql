{#- Grain: one row a customer. Question: has anything that a customer's figures come from changed?
    A changed or new row raises _last_batch_id; one that is gone lowers _source_rows. -#}
with customer_rows as (
    select
        customer_id,
        batch_id
    from {{ ref('stg_customers') }}
),

order_rows as (
    select
        customer_id,
        batch_id
    from {{ ref('stg_orders') }}
),

line_rows as (
    select
        orders.customer_id,
        order_items.batch_id
    from {{ ref('stg_order_items') }} as order_items
    inner join {{ ref('stg_orders') }} as orders on order_items.order_id = orders.order_id
),

all_rows as (
    select * from customer_rows
    union all
    select * from order_rows
    union all
    select * from line_rows
),

rows_by_customer as (
    select
        customer_id,
        max(batch_id) as _last_batch_id,
        count(*) as _source_rows
    from all_rows
    group by customer_id
)

select * from rows_by_customer
