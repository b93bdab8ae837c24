{#- Grain: one row a completed order. Question: the how manieth of its customer's is it, and how long after the one before?
    Hangs on earlier days: built from the first changed day on, from what each customer had bought before it. -#}
{{ config(**by_day('order_date', onward=0)) }}
{% set first_day = first_rebuilt_day() if is_increment() else none -%}
{% set is_past_known = is_increment() and first_day >= past_ends() -%}
with parts_before as (
    select
        customer_id,
        orders,
        last_order_date
    from {{ ref('int_customer_past') }}
    where {{ 'true' if is_past_known else 'false' }}
    union all
    select
        customer_id,
        orders,
        last_order_date
    from {{ ref('int_customer_months') }}
    where
        {{ "month_key < date '%s'" | format(first_day.replace(day=1)) if first_day else 'false' }}
        and {{ "month_key >= date '%s'" | format(past_ends()) if is_past_known else 'true' }}
    union all
    select
        customer_id,
        1 as orders,
        order_date as last_order_date
    from {{ ref('int_customer_orders') }}
    where
        {{ "order_date >= date '%s' and order_date < date '%s'" | format(first_day.replace(day=1), first_day) if first_day
            else 'false' }}
),

customers_before as (
    select
        customer_id,
        {{ whole_number('sum(orders)') }} as orders,
        max(last_order_date) as last_order_date
    from parts_before
    group by customer_id
),

numbered_orders as (
    select
        order_id,
        customer_id,
        order_date,
        order_month_start,
        row_number() over (partition by customer_id order by ordered_at, order_id) as place,
        lag(order_date) over (partition by customer_id order by ordered_at, order_id) as previous_order_date
    from {{ ref('int_customer_orders') }}
    where {{ from_rebuilt_days('order_date') }}
),

order_sequence as (
    select
        numbered_orders.order_id,
        numbered_orders.customer_id,
        numbered_orders.order_date,
        numbered_orders.order_month_start,
        coalesce(customers_before.orders, 0) + numbered_orders.place as order_number,
        coalesce(numbered_orders.previous_order_date, customers_before.last_order_date) as previous_order_date,
        {{ days_between(
            'coalesce(numbered_orders.previous_order_date, customers_before.last_order_date)',
            'numbered_orders.order_date',
        ) }} as days_since_previous
    from numbered_orders
    left join customers_before on numbered_orders.customer_id = customers_before.customer_id
)

select * from order_sequence
