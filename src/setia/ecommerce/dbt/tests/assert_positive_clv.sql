{#- Every customer has a predicted value, and none is below 0; the tutorial's test let a missing one pass. -#}
select *
from {{ ref('fct_customer_metrics') }}
where predicted_clv_12m is null or predicted_clv_12m < 0
