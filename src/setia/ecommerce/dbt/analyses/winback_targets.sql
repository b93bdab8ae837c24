{#- Module 8.1: whom to win back? One rule: the two segments, which mean a monetary score of 3 or more and more than
    90 days away. The tutorial's extra filter on churn_risk lost the customers 91 to 120 days away. -#}
select
    customer_id,
    email,
    first_name,
    last_name,
    customer_segment,
    monetary_value,
    recency_days,
    churn_risk,
    recommended_action
from {{ ref('dim_customer_segments') }}
where customer_segment in ('At Risk', 'Cant Lose Them')
order by monetary_value desc, customer_id asc
