{#- A customer with orders has three scores from 1 to 5, one without orders has none; NULL never passes for a score. -#}
select *
from {{ ref('fct_customer_metrics') }}
where
    (
        frequency > 0
        and not (
            coalesce(recency_score, 0) between 1 and 5
            and coalesce(frequency_score, 0) between 1 and 5
            and coalesce(monetary_score, 0) between 1 and 5
        )
    )
    or (
        frequency = 0
        and (recency_score is not null or frequency_score is not null or monetary_score is not null)
    )
