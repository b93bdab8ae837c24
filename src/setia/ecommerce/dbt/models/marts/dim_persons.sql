{#- Grain: one row a person, who may have several accounts. Question: how many people are behind the accounts, and what
    are they worth together? -#}
with persons as (
    select
        person_id,
        count(*) as accounts,
        min(customer_created_at) as first_created_at,
        min(first_order_date) as first_order_date,
        max(last_order_date) as last_order_date,
        {{ whole_number('sum(frequency)') }} as total_orders,
        {{ amount('sum(contribution_margin)') }} as contribution_margin,
        {{ amount('sum(monetary_value)') }} as monetary_value
    from {{ ref('fct_customer_metrics') }}
    group by person_id
)

select * from persons
