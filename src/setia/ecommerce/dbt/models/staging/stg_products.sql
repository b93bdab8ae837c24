{#- Grain: one row a product. Question: what is in the catalogue, and what does a unit earn at list price?
    A margin in percent of nothing is unknown, not an error. -#}
with source as (
    select * from {{ source('raw', 'raw_products') }}
    {{ seeded('raw_products') }}
    where _deleted_at is null
),

cleaned as (
    select
        product_id,
        {{ clean_text('product_name') }} as product_name,
        {{ title_case('category') }} as category,
        {{ amount('cost_price', 4) }} as cost_price,
        {{ amount('list_price', 4) }} as list_price,
        {{ local_date('launched_at') }} as launched_date,
        _loaded_at as dbt_loaded_at,
        coalesce(_batch_id, 0) as batch_id
    from source
),

with_margin as (
    select
        product_id,
        product_name,
        category,
        cost_price,
        list_price,
        {{ amount('list_price - cost_price') }} as profit_margin,
        {{ divide_money(money('list_price - cost_price') ~ ' * 100', 'list_price') }} as profit_margin_pct,
        launched_date,
        dbt_loaded_at,
        batch_id
    from cleaned
)

select * from with_margin
