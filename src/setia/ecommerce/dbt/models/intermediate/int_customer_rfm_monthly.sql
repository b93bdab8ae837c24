{#- Grain: one row a customer and month, with an order in the window that ends with the month. Question: how recently, how
    often and for how much had each bought by each month's end, and how do they compare? The running month ends at as_of. -#}
{{ config(cluster_by=bq_cluster(['customer_id']), **by_month('month_key', onward=0)) }}
{% set window_days = var('rfm_window_days') | int -%}
with first_and_last_month as (
    select
        min(month_key) as first_month,
        {{ month_start(as_of_date()) }} as last_month
    from {{ ref('int_customer_months') }}
),

all_months as (
    {{ month_rows('first_and_last_month', 'first_month', 'last_month') }}
),

months as (
    select
        month_key,
        least({{ add_days(next_month('month_key'), -1) }}, {{ as_of_date() }}) as last_day
    from all_months
    where {{ from_rebuilt_months('month_key') }}
),

covered_months as (
    select
        months.month_key,
        months.last_day,
        covered.month_key as covered_month,
        {{ add_days('months.last_day', 1 - window_days) }} as first_day
    from months
    inner join all_months as covered
        on
            months.month_key >= covered.month_key
            and {{ add_days('months.last_day', 1 - window_days) }} < {{ next_month('covered.month_key') }}
),

parts_of_windows as (
    select
        covered_months.month_key,
        covered_months.last_day,
        customer_months.customer_id,
        customer_months.orders,
        customer_months.last_order_date,
        customer_months.net_total
    from {{ ref('int_customer_months') }} as customer_months
    inner join covered_months on customer_months.month_key = covered_months.covered_month
    where covered_months.covered_month >= covered_months.first_day
    union all
    select
        covered_months.month_key,
        covered_months.last_day,
        orders.customer_id,
        1 as orders,
        orders.order_date as last_order_date,
        orders.net_total
    from {{ ref('int_customer_orders') }} as orders
    inner join covered_months on orders.order_month_start = covered_months.covered_month
    where covered_months.covered_month < covered_months.first_day and orders.order_date >= covered_months.first_day
),

windows as (
    select
        month_key,
        customer_id,
        {{ days_between('max(last_order_date)', 'last_day') }} as recency_days,
        {{ whole_number('sum(orders)') }} as frequency_365d,
        {{ amount('sum(net_total)') }} as monetary_365d
    from parts_of_windows
    group by month_key, last_day, customer_id
),

scored as (
    select
        *,
        {{ quintile('recency_days desc', partition_by='month_key') }} as r_quintile,
        {{ quintile('frequency_365d', partition_by='month_key') }} as f_quintile,
        {{ quintile('monetary_365d', partition_by='month_key') }} as m_quintile
    from windows
)

select * from scored
