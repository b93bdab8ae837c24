{#- Module 8.2: how much to spend on each segment? 10 % of the predicted value; nothing on those who are gone. -#}
select
    customer_segment,
    count(*) as customer_count,
    sum(predicted_clv_12m) as total_predicted_value,
    avg(predicted_clv_12m) as avg_predicted_clv,
    sum(predicted_clv_12m) * 0.10 as suggested_marketing_budget,
    sum(predicted_clv_12m) * 0.10 / count(*) as budget_per_customer
from {{ ref('dim_customer_segments') }}
where customer_segment not in ('Lost', 'Prospect')
group by customer_segment
order by total_predicted_value desc
