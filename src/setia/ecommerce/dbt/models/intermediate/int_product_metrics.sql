{#- Grain: one row a product, sold or not. Question: what did each product sell, earn and get back?
    Lines of completed orders. Units and revenue are those sold; what came back stands beside them, and profit is after it.
    All time comes from the months, so that only the lines of the longest window are read. -#}
with product_sales as (
    select
        product_id,
        {{ whole_number('sum(orders_count)') }} as orders_count,
        {% for column in ('units_sold', 'units_returned') -%}
        {{ money('sum(' ~ column ~ ')', 4) }} as {{ column }},
        {% endfor -%}
        {% for column in ('revenue', 'returned_revenue', 'discount_amount', 'net_revenue') -%}
        {{ money('sum(' ~ column ~ ')') }} as {{ column }},
        {% endfor -%}
        case when sum(lines_of_unknown_cost) = 0 then {{ money('sum(known_cost)') }} end as cost_of_goods,
        min(first_sale_date) as first_sale_date,
        max(last_sale_date) as last_sale_date
    from {{ ref('int_product_sales_monthly') }}
    group by product_id
),

window_sales as (
    select
        product_id,
        {% for days in (28, 90, 365) -%}
        {% set in_window = 'not is_return and order_date > ' ~ add_days(as_of_date(), -days) -%}
        {{ money('sum(case when ' ~ in_window ~ ' then quantity else 0 end)', 4) }} as units_{{ days }}d,
        {{ money('sum(case when ' ~ in_window ~ ' then line_total else 0 end)') }} as revenue_{{ days }}d,
        {% endfor -%}
        {{ money('sum(net_line_total)') }} as net_revenue_365d
    from {{ ref('int_order_lines') }}
    where order_date > {{ add_days(as_of_date(), -365) }}
    group by product_id
),

buyers as (
    select
        product_id,
        count(*) as customers_count
    from {{ ref('int_product_customers') }}
    group by product_id
),

all_products as (
    select
        products.product_id,
        products.product_name,
        products.category,
        products.cost_price,
        products.list_price,
        products.profit_margin,
        products.profit_margin_pct,
        {{ whole_number('coalesce(product_sales.orders_count, 0)') }} as orders_count,
        coalesce(buyers.customers_count, 0) as customers_count,
        {{ money('coalesce(product_sales.units_sold, 0)', 4) }} as units_sold,
        {{ money('coalesce(product_sales.units_returned, 0)', 4) }} as units_returned,
        {{ ratio('product_sales.units_returned', 'product_sales.units_sold') }} as return_rate,
        {% for column in ('revenue', 'returned_revenue', 'discount_amount', 'net_revenue') -%}
        {{ money('coalesce(product_sales.' ~ column ~ ', 0)') }} as {{ column }},
        {% endfor -%}
        {% for column in ('revenue_28d', 'revenue_90d', 'revenue_365d', 'net_revenue_365d') -%}
        {{ money('coalesce(window_sales.' ~ column ~ ', 0)') }} as {{ column }},
        {% endfor -%}
        {% for column in ('units_28d', 'units_90d', 'units_365d') -%}
        {{ money('coalesce(window_sales.' ~ column ~ ', 0)', 4) }} as {{ column }},
        {% endfor -%}
        {{ divide_money('product_sales.revenue', 'product_sales.units_sold') }} as avg_selling_price,
        case
            when product_sales.product_id is null then {{ money('0') }}
            else {{ money('product_sales.net_revenue - product_sales.cost_of_goods') }}
        end as total_profit,
        product_sales.first_sale_date,
        product_sales.last_sale_date,
        case
            when products.launched_date is null or product_sales.first_sale_date < products.launched_date
                then product_sales.first_sale_date
            else products.launched_date
        end as on_sale_since
    from {{ ref('stg_products') }} as products
    left join product_sales on products.product_id = product_sales.product_id
    left join window_sales on products.product_id = window_sales.product_id
    left join buyers on products.product_id = buyers.product_id
)

select * from all_products
