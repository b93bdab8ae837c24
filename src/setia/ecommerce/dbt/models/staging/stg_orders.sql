{#- Grain: one row an order. Question: which orders were placed before as_of, and which of them are sales?
    Everything about the status is decided on the cleaned status. -#}
{{ config(meta={'read_by_day_of': 'ordered_at'}) }}
with source as (
    select * from {{ source('raw', 'raw_orders') }}
    {{ seeded('raw_orders') }}
    where _deleted_at is null and order_date < {{ as_of() }}
),

cleaned as (
    select
        order_id,
        customer_id,
        order_date as ordered_at,
        {{ local_date('order_date') }} as order_day,
        replace(lower({{ clean_text('status') }}), 'canceled', 'cancelled') as order_status,
        {{ amount('coalesce(shipping_cost, 0)') }} as shipping_cost,
        {{ amount('coalesce(discount_amount, 0)') }} as discount_amount,
        {{ amount('coalesce(tax_amount, 0)') }} as tax_amount,
        {{ amount('coalesce(refunded_amount, 0)') }} as refunded_amount,
        upper({{ clean_text('currency') }}) as currency,
        _loaded_at as dbt_loaded_at,
        coalesce(_batch_id, 0) as batch_id
    from source
),

dated as (
    select
        order_id,
        customer_id,
        order_day as order_date,
        ordered_at,
        order_status,
        shipping_cost,
        discount_amount,
        tax_amount,
        refunded_amount,
        currency,
        extract(year from order_day) as order_year,
        extract(month from order_day) as order_month,
        extract(quarter from order_day) as order_quarter,
        {{ month_start('order_day') }} as order_month_start,
        {{ day_name('order_day') }} as order_day_of_week,
        order_status = 'completed' as is_completed,
        dbt_loaded_at,
        batch_id
    from cleaned
)

select * from dated
