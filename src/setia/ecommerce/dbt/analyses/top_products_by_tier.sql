{#- Module 5.3: which products carry the shop? -#}
select
    performance_tier,
    category,
    product_name,
    revenue,
    total_profit,
    profit_margin_pct,
    units_sold
from {{ ref('fct_product_performance') }}
where performance_tier in ('Star', 'Performer')
order by revenue desc, product_name asc
limit 20
