{#- Amounts are added up in one currency: a row is a currency and month whose orders have no rate to the reporting one;
    or, in a shop without any rates, each of several currencies. -#}
with currencies as (
    select
        currency,
        order_month_start,
        exchange_rate,
        count(*) as orders
    from {{ ref('int_customer_orders') }}
    group by currency, order_month_start, exchange_rate
),

several as (
    select count(distinct currency) > 1 as is_mixed
    from currencies
    where not exists (select exchange_rate_id from {{ ref('stg_exchange_rates') }})
),

faults as (
    select currencies.*
    from currencies
    cross join several
    where currencies.exchange_rate is null or (several.is_mixed and currencies.currency is not null)
)

select * from faults
