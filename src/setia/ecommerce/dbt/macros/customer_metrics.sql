{#- Select list of fct_customer_metrics over customers and rfm; the incremental twin reads it too. -#}
{% macro customer_metrics() -%}
    customers.customer_id,
    {%- for column in ('email', 'first_name', 'last_name', 'country', 'country_code', 'customer_created_at') %}
    customers.{{ column }},
    {%- endfor %}
    rfm.recency_days,
    coalesce(rfm.frequency, 0) as frequency,
    {%- for column in ('monetary_value', 'merchandise_value', 'shipping_value', 'tax_value', 'discount_value', 'refunded_value') %}
    {{ amount('coalesce(rfm.' ~ column ~ ', 0)') }} as {{ column }},
    {%- endfor %}
    {%- for column in ('avg_order_value', 'recency_score', 'frequency_score', 'monetary_score', 'rfm_total_score',
                       'rfm_segment_code', 'customer_tenure_days', 'first_order_date', 'last_order_date') %}
    rfm.{{ column }},
    {%- endfor %}
    {{ amount('coalesce(rfm.monetary_value, 0)') }} as current_clv,
    {{ predicted_clv('rfm.monetary_value', 'rfm.rfm_total_score') }} as predicted_clv_12m,
    {{ churn_risk('rfm.recency_days', 'rfm.frequency') }} as churn_risk,
    {{ as_of() }} as dbt_updated_at
{%- endmacro %}
