{#- Grain: one row a currency and month. Question: what is a unit of another currency worth in the reporting one? -#}
with source as (
    select * from {{ source('raw', 'raw_exchange_rates') }}
    {{ seeded('raw_exchange_rates') }}
    where _deleted_at is null
),

monthly_rates as (
    select
        exchange_rate_id,
        upper({{ clean_text('currency') }}) as currency,
        {{ month_start('month') }} as month_key,
        {{ money('rate', 9) }} as rate,
        _loaded_at as dbt_loaded_at,
        coalesce(_batch_id, 0) as batch_id
    from source
)

select * from monthly_rates
