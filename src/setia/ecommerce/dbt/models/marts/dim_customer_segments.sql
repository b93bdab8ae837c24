{#- Grain: one row a customer. Question: which group is each customer in, and what to do about it?
    customer_segment: the tutorial's nine by fixed bounds; rfm_segment: the 11-segment grid by quintiles. -#}
with segmented as (
    select
        metrics.customer_id,
        metrics.person_id,
        metrics.email,
        metrics.first_name,
        metrics.last_name,
        metrics.country,
        {{ customer_segment('metrics.recency_score', 'metrics.frequency_score', 'metrics.monetary_score') }}
            as customer_segment,
        {{ rfm_segment('rfm.rfm_cell') }} as rfm_segment,
        metrics.recency_score,
        metrics.frequency_score,
        metrics.monetary_score,
        metrics.rfm_total_score,
        rfm.r_quintile,
        rfm.f_quintile,
        rfm.m_quintile,
        metrics.recency_days,
        metrics.last_order_date,
        metrics.monetary_value,
        metrics.frequency as total_orders,
        metrics.avg_order_value,
        metrics.predicted_clv_12m,
        metrics.churn_risk
    from {{ ref('fct_customer_metrics') }} as metrics
    left join {{ ref('int_customer_rfm') }} as rfm on metrics.customer_id = rfm.customer_id
),

with_action as (
    select
        *,
        case customer_segment
            {%- for segment, action in segment_actions().items() %}
            when '{{ segment }}' then '{{ action }}'
            {%- endfor %}
        end as recommended_action
    from segmented
)

select * from with_action
