{#- Grain: one row a customer and month, from that of the first completed order to that of as_of. Question: in which of the
    11 segments was each customer at each month's end? Without an order in the window the cell is 111, Lost. -#}
{{ config(cluster_by=bq_cluster(['customer_id']), **by_month('month_key', onward=0)) }}
with customers as (
    select
        customer_id,
        {{ month_start('first_order_date') }} as first_month
    from {{ ref('int_customer_rfm') }}
),

first_and_last_month as (
    select
        min(first_month) as first_month,
        {{ month_start(as_of_date()) }} as last_month
    from customers
),

all_months as (
    {{ month_rows('first_and_last_month', 'first_month', 'last_month') }}
),

customer_months as (
    select
        customers.customer_id,
        all_months.month_key,
        customers.first_month = all_months.month_key as is_first_month
    from customers
    inner join all_months on customers.first_month <= all_months.month_key
    where {{ from_rebuilt_months('all_months.month_key') }}
),

cells as (
    select
        customer_months.customer_id,
        customer_months.month_key,
        {{ is_complete_month('customer_months.month_key') }} as is_complete,
        customer_months.is_first_month,
        windows.recency_days,
        coalesce(windows.frequency_365d, 0) as frequency_365d,
        {{ amount('coalesce(windows.monetary_365d, 0)') }} as monetary_365d,
        coalesce(windows.r_quintile, 1) as r_quintile,
        coalesce(windows.f_quintile, 1) as f_quintile,
        coalesce(windows.m_quintile, 1) as m_quintile
    from customer_months
    left join {{ ref('int_customer_rfm_monthly') }} as windows
        on customer_months.customer_id = windows.customer_id and customer_months.month_key = windows.month_key
),

coded as (
    select
        *,
        {{ as_text('r_quintile') }} || {{ as_text('f_quintile') }} || {{ as_text('m_quintile') }} as rfm_cell
    from cells
),

segmented as (
    select
        *,
        {{ rfm_segment('rfm_cell') }} as rfm_segment
    from coded
)

select * from segmented
