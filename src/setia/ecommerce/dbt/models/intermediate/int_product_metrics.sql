{#- Grain: one row a product, sold or not. Question: what did each product sell, earn and get back?
    Lines of completed orders. Units and revenue are those sold; what came back stands beside them, and profit is after it. -#}
with lines_sold as (
    select
        order_items.product_id,
        order_items.order_id,
        orders.customer_id,
        orders.order_date,
        order_items.quantity,
        order_items.line_total,
        order_items.is_return,
        order_items.quantity * coalesce(order_items.unit_cost, products.cost_price) as line_cost
    from {{ ref('stg_order_items') }} as order_items
    inner join {{ ref('int_customer_orders') }} as orders on order_items.order_id = orders.order_id
    inner join {{ ref('stg_products') }} as products on order_items.product_id = products.product_id
),

product_sales as (
    select
        product_id,
        count(distinct case when not is_return then order_id end) as orders_count,
        count(distinct case when not is_return then customer_id end) as customers_count,
        {{ money('sum(case when is_return then 0 else quantity end)', 4) }} as units_sold,
        {{ money('sum(case when is_return then -quantity else 0 end)', 4) }} as units_returned,
        {{ money('sum(case when is_return then 0 else line_total end)') }} as revenue,
        {{ money('sum(case when is_return then -line_total else 0 end)') }} as returned_revenue,
        {{ money('sum(line_total)') }} as net_revenue,
        {% for days in (28, 90, 365) -%}
        {% set in_window = 'not is_return and order_date > ' ~ add_days(as_of_date(), -days) -%}
        {{ money('sum(case when ' ~ in_window ~ ' then line_total else 0 end)') }} as revenue_{{ days }}d,
        {% endfor -%}
        case when count(line_cost) = count(*) then {{ money('sum(line_cost)') }} end as cost_of_goods,
        min(case when not is_return then order_date end) as first_sale_date,
        max(case when not is_return then order_date end) as last_sale_date
    from lines_sold
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
        coalesce(product_sales.orders_count, 0) as orders_count,
        coalesce(product_sales.customers_count, 0) as customers_count,
        {{ money('coalesce(product_sales.units_sold, 0)', 4) }} as units_sold,
        {{ money('coalesce(product_sales.units_returned, 0)', 4) }} as units_returned,
        {{ ratio('product_sales.units_returned', 'product_sales.units_sold') }} as return_rate,
        {% for column in (
            'revenue', 'returned_revenue', 'net_revenue', 'revenue_28d', 'revenue_90d', 'revenue_365d',
        ) -%}
        {{ money('coalesce(product_sales.' ~ column ~ ', 0)') }} as {{ column }},
        {% endfor -%}
        {{ divide_money('product_sales.revenue', 'product_sales.units_sold') }} as avg_selling_price,
        case
            when product_sales.product_id is null then {{ money('0') }}
            else {{ money('product_sales.net_revenue - product_sales.cost_of_goods') }}
        end as total_profit,
        product_sales.first_sale_date,
        product_sales.last_sale_date
    from {{ ref('stg_products') }} as products
    left join product_sales on products.product_id = product_sales.product_id
)

select * from all_products
