{#- Grain: one row a month, and month in which customers had churned who ordered again in it. Question: whose absence ended?
    Built from the first changed month on, as the order before hangs on earlier months. -#}
{{ config(**by_month('month_key', onward=0)) }}
with absences as (
    select
        order_month_start as month_key,
        {{ month_start(add_days('previous_order_date', live_days() + 1)) }} as churned_month
    from {{ ref('int_order_sequence') }}
    where days_since_previous > {{ live_days() }} and {{ from_rebuilt_months('order_date') }}
),

returns_months as (
    select
        month_key,
        churned_month,
        count(*) as customers
    from absences
    group by month_key, churned_month
)

select * from returns_months
