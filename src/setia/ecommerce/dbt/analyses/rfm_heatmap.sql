{#- Module 5.4: customers by recency and frequency score; those without orders have no scores. -#}
select
    recency_score,
    frequency_score,
    count(*) as customer_count,
    avg(monetary_value) as avg_value
from {{ ref('fct_customer_metrics') }}
where frequency > 0
group by recency_score, frequency_score
order by recency_score, frequency_score
