{#- Select list of fct_customer_metrics over customers, persons, rfm and cadence; the incremental twin reads it too. -#}
{% macro customer_metrics() -%}
    customers.customer_id,
    persons.person_id,
    {%- for column in ('email', 'first_name', 'last_name', 'country', 'country_code', 'customer_created_at') %}
    customers.{{ column }},
    {%- endfor %}
    rfm.recency_days,
    {%- for column in ('frequency', 'orders_without_cost', 'frequency_365d') %}
    coalesce(rfm.{{ column }}, 0) as {{ column }},
    {%- endfor %}
    {%- for column in ('monetary_value', 'merchandise_value', 'shipping_value', 'tax_value', 'discount_value',
                       'refunded_value', 'monetary_365d') %}
    {{ amount('coalesce(rfm.' ~ column ~ ', 0)') }} as {{ column }},
    {%- endfor %}
    {%- for column in ('contribution_margin', 'avg_order_value', 'recency_score', 'frequency_score', 'monetary_score',
                       'rfm_total_score', 'rfm_segment_code', 'customer_tenure_days', 'first_order_date', 'last_order_date') %}
    rfm.{{ column }},
    {%- endfor %}
    coalesce(rfm.frequency, 0) > 1 as is_repeat_customer,
    {{ divide_money('rfm.customer_tenure_days', 'rfm.frequency - 1', 4, 18) }} as avg_days_between_orders,
    cadence.median_days_between_orders,
    {{ divide_money('rfm.recency_days', 'cadence.median_days_between_orders', 4, 18) }} as overdue_ratio,
    {{ amount('coalesce(rfm.monetary_value, 0)') }} as current_clv,
    {{ predicted_clv('rfm.monetary_value', 'rfm.rfm_total_score') }} as predicted_clv_12m,
    {{ churn_risk('rfm.recency_days', 'rfm.frequency') }} as churn_risk,
    {{ as_of() }} as dbt_updated_at
{%- endmacro %}
