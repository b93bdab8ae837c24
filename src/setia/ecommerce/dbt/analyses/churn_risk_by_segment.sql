{#- Module 5.2: where does the risk sit? -#}
select
    customer_segment,
    churn_risk,
    count(*) as customer_count,
    avg(monetary_value) as avg_value,
    avg(recency_days) as avg_recency
from {{ ref('dim_customer_segments') }}
group by customer_segment, churn_risk
order by customer_segment, churn_risk
