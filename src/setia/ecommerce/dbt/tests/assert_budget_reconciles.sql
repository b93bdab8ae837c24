{#- The segments' parts add up to the shop's budget to the cent, and its segments to its customers. -#}
with totals as (
    select
        coalesce(sum(budget_by_share), 0) as in_segments,
        {{ money('coalesce(sum(expected_margin), 0) * ' ~ fixed(var('marketing_budget_share'))) }} as in_all,
        coalesce(sum(customers_count), 0) as customers_in_segments,
        (select count(*) from {{ ref('dim_customer_segments') }}) as customers_in_all
    from {{ ref('fct_marketing_budget') }}
)

select * from totals
where in_segments <> in_all or customers_in_segments <> customers_in_all
