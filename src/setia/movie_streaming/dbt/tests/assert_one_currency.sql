{#- Amounts are added up as they are: two currencies in one warehouse would make every total wrong. -#}
with currencies as (
    select currency from {{ ref('dim_subscriptions') }}
    where currency is not null
    union distinct
    select currency from {{ ref('fact_payments') }}
    where currency is not null
),

currency_count as (
    select
        count(*) as total_currencies,
        min(currency) as one_currency,
        max(currency) as another_currency
    from currencies
),

mixed_currencies as (
    select * from currency_count
    where total_currencies > 1
)

select * from mixed_currencies
