{#- Grain: one row a line of an order. Question: what was sold or taken back, and at which price?
    A return stays, as a negative quantity. -#}
{{ config(meta={'read_by_batch': true}) }}
with source as (
    select * from {{ source('raw', 'raw_order_items') }}
    {{ seeded('raw_order_items') }}
    where _deleted_at is null
),

signed as (
    select
        order_item_id,
        order_id,
        product_id,
        coalesce(is_return, false) or quantity < 0 as is_return,
        {{ amount('case when is_return then -abs(quantity) else quantity end', 4) }} as quantity,
        {{ amount('unit_price', 4) }} as unit_price,
        {{ amount('coalesce(discount_amount, 0)') }} as discount_amount,
        {{ amount('unit_cost', 4) }} as unit_cost,
        _loaded_at as dbt_loaded_at,
        coalesce(_batch_id, 0) as batch_id
    from source
),

priced as (
    select
        order_item_id,
        order_id,
        product_id,
        quantity,
        unit_price,
        {{ multiply_amounts('quantity', 'unit_price') }} as line_total,
        case when is_return then -discount_amount else discount_amount end as discount_amount,
        unit_cost,
        is_return,
        dbt_loaded_at,
        batch_id
    from signed
)

select * from priced
