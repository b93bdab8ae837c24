{#- Grain: one row a completed order. Question: which orders are sales, and what do they say in the reporting currency?
    The rate is that of the order's month, so that a rate never moves what was sold before. Without one there is no
    amount, and assert_every_currency_has_a_rate says which is missing. A shop without any rates has one currency, which
    is then the reporting one, whatever it is called. A view: who reads it bounds ordered_at. -#}
{{ config(materialized='view', meta={'read_by_day_of': 'ordered_at'}) }}
with rate_count as (
    select count(*) as rates from {{ ref('stg_exchange_rates') }}
),

orders_with_rate as (
    select
        orders.order_id,
        orders.customer_id,
        orders.order_date,
        orders.ordered_at,
        orders.order_month_start,
        orders.currency,
        case
            when coalesce(orders.currency, '{{ var("currency") }}') = '{{ var("currency") }}' then {{ money('1', 9) }}
            when rate_count.rates = 0 then {{ money('1', 9) }}
            else rates.rate
        end as exchange_rate,
        orders.shipping_cost,
        orders.discount_amount,
        orders.tax_amount,
        orders.refunded_amount
    from {{ ref('stg_orders') }} as orders
    cross join rate_count
    left join {{ ref('stg_exchange_rates') }} as rates
        on orders.currency = rates.currency and orders.order_month_start = rates.month_key
    where orders.is_completed
),

converted_orders as (
    select
        order_id,
        customer_id,
        order_date,
        ordered_at,
        order_month_start,
        currency,
        exchange_rate,
        {{ converted('shipping_cost', 'exchange_rate') }} as shipping_cost,
        {{ converted('discount_amount', 'exchange_rate') }} as discount_amount,
        {{ converted('tax_amount', 'exchange_rate') }} as tax_amount,
        {{ converted('refunded_amount', 'exchange_rate') }} as refunded_amount
    from orders_with_rate
)

select * from converted_orders
