{#- Grain: one row a product, sold or not. Question: which products carry the shop, and which do not move?
    Tiers and classes are measured among sold products; ties rank by product_id. -#}
with ranked as (
    select
        *,
        {{ days_between('on_sale_since', as_of_date()) }} + 1 as days_on_sale,
        orders_count > 0 as is_sold,
        row_number() over (order by revenue desc, product_id asc) as revenue_rank,
        row_number() over (order by units_sold desc, product_id asc) as units_rank,
        row_number() over (order by total_profit desc, product_id asc) as profit_rank,
        sum(revenue) over (partition by category) as category_revenue,
        row_number() over (order by net_revenue desc, product_id asc) as net_rank,
        sum(net_revenue) over () as shop_net_revenue
    from {{ ref('int_product_metrics') }}
),

measured as (
    select
        *,
        {{ ratio('revenue', 'category_revenue') }} as category_revenue_share,
        sum(net_revenue) over (order by net_rank) - net_revenue as net_revenue_before,
        {% set sold_revenue = 'case when is_sold then revenue end' -%}
        {{ money(percentile_cont_over(sold_revenue, 0.8), 4) }} as p80,
        {{ money(percentile_cont_over(sold_revenue, 0.5), 4) }} as p50,
        {{ money(percentile_cont_over(sold_revenue, 0.2), 4) }} as p20
    from ranked
),

classified as (
    select
        product_id,
        {% for column in (
            'product_name', 'category', 'cost_price', 'list_price', 'profit_margin', 'profit_margin_pct',
            'orders_count', 'customers_count', 'units_sold', 'units_returned', 'return_rate',
            'revenue', 'returned_revenue', 'discount_amount', 'net_revenue', 'revenue_28d', 'revenue_90d', 'revenue_365d', 'avg_selling_price',
            'total_profit', 'first_sale_date', 'last_sale_date', 'revenue_rank', 'units_rank', 'profit_rank', 'category_revenue_share',
        ) -%}
        {{ column }},
        {% endfor -%}
        case
            when not is_sold then 'No sales'
            when revenue >= p80 then 'Star'
            when revenue >= p50 then 'Performer'
            when revenue >= p20 then 'Average'
            else 'Underperformer'
        end as performance_tier,
        case
            when not is_sold then 'U'
            when shop_net_revenue > 0 and net_revenue_before * 100 < shop_net_revenue * 80 then 'A'
            when shop_net_revenue > 0 and net_revenue_before * 100 < shop_net_revenue * 95 then 'B'
            else 'C'
        end as abc_class,
        {% for days in (28, 90) -%}
        case when days_on_sale > 0 then {{ ratio('units_' ~ days ~ 'd', 'least(' ~ days ~ ', days_on_sale)') }} end
            as velocity_{{ days }}d,
        {% endfor -%}
        units_28d,
        units_90d,
        units_365d,
        net_revenue_365d,
        on_sale_since
    from measured
),

with_demand as (
    select
        classified.*,
        demand.demand_months,
        demand.units_per_month,
        demand.demand_variation,
        demand.xyz_class
    from classified
    left join {{ ref('int_product_demand') }} as demand on classified.product_id = demand.product_id
)

select * from with_demand
