{#- What products sold is one number: over lines and product-months, for each month built, and over months and products,
    each product's own. -#}
with months as (
    select
        month_key,
        sum(revenue) as revenue,
        sum(net_revenue) as net_revenue,
        sum(units_sold - units_returned) as units
    from {{ ref('int_product_sales_monthly') }}
    where {{ in_tested_months('month_key') }}
    group by month_key
),

months_of_lines as (
    select
        order_month_start,
        sum(case when is_return then 0 else line_total end) as revenue,
        sum(net_line_total) as net_revenue,
        sum(quantity) as units
    from {{ ref('int_order_lines') }}
    where {{ in_tested_months('order_date') }}
    group by order_month_start
),

totals as (
    select
        (select coalesce(sum(net_revenue), 0) from {{ ref('int_product_sales_monthly') }}) as in_months,
        (
            select coalesce(sum(revenue - returned_revenue - discount_amount), 0)
            from {{ ref('fct_product_performance') }}
        ) as in_products,
        (select coalesce(sum(net_revenue_365d), 0) from {{ ref('fct_product_performance') }}) as in_window,
        (select coalesce(sum(net_revenue), 0) from {{ ref('fct_customer_product_affinity') }}) as in_affinities
),

faults as (
    select {{ as_text('coalesce(months.month_key, months_of_lines.order_month_start)') }} as fault
    from months
    full join months_of_lines on months.month_key = months_of_lines.order_month_start
    where
        not coalesce(
            months.revenue = months_of_lines.revenue
            and months.net_revenue = months_of_lines.net_revenue
            and months.units = months_of_lines.units, false
        )
    union all
    select 'all products' as fault from totals
    where in_months <> in_products
    {%- if var('affinity_days') == 365 %}
    union all
    select 'last 365 days' as fault from totals
    where in_window <> in_affinities
    {%- endif %}
)

select * from faults
