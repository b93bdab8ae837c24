{#- Grain: one row a currency and month. Question: what is a unit of another currency worth in the reporting one?
    Of several rates of a month the newest day's holds, such as the last of daily ones. -#}
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
        row_number() over (
            partition by upper({{ clean_text('currency') }}), {{ month_start('month') }}
            order by month desc, exchange_rate_id desc
        ) as recency,
        _loaded_at as dbt_loaded_at,
        coalesce(_batch_id, 0) as batch_id
    from source
),

newest_rates as (
    select
        exchange_rate_id,
        currency,
        month_key,
        rate,
        dbt_loaded_at,
        batch_id
    from monthly_rates
    where recency = 1
)

select * from newest_rates
