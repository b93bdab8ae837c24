{#- Without a cutoff of its own, ml_customer_features says of each customer what fct_customer_metrics says. -#}
select metrics.customer_id
from {{ ref('fct_customer_metrics') }} as metrics
left join {{ ref('ml_customer_features') }} as features on metrics.customer_id = features.customer_id
where
    {{ 'true' if var('features_cutoff') is none else 'false' }}
    and (
        features.customer_id is null
        {%- for column in ('recency_days', 'frequency', 'monetary_value', 'avg_order_value', 'recency_score',
                           'frequency_score', 'monetary_score', 'predicted_clv_12m') %}
        or coalesce(
            metrics.{{ column }} <> features.{{ column }},
            (metrics.{{ column }} is null) <> (features.{{ column }} is null)
        )
        {%- endfor %}
    )
