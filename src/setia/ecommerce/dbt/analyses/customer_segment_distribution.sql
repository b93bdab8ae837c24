{#- Module 5.1: how many customers, and how much value, in each segment? -#}
select
    customer_segment,
    count(*) as customer_count,
    sum(monetary_value) as total_revenue,
    avg(monetary_value) as avg_customer_value,
    avg(predicted_clv_12m) as avg_predicted_clv,
    sum(predicted_clv_12m) as total_predicted_value
from {{ ref('dim_customer_segments') }}
group by customer_segment
order by total_revenue desc
