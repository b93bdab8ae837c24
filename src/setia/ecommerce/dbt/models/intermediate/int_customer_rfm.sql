{#- Grain: one row a customer with a completed order. Question: how recently, how often, for how much?
    Over all completed orders before as_of; recency counts to as_of, not to the newest order. Quintiles are over the
    window that ends at as_of: a customer without an order in it is in cell 111. -#}
with customer_totals as (
    select
        customer_id,
        min(first_order_date) as first_order_date,
        max(last_order_date) as last_order_date,
        {{ whole_number('sum(orders)') }} as frequency,
        {{ amount('sum(order_subtotal)') }} as merchandise_value,
        {{ amount('sum(shipping_cost)') }} as shipping_value,
        {{ amount('sum(tax_amount)') }} as tax_value,
        {{ amount('sum(discount_amount)') }} as discount_value,
        {{ amount('sum(refunded_amount)') }} as refunded_value,
        {{ amount('sum(net_total)') }} as monetary_value
    from {{ ref('int_customer_months') }}
    group by customer_id
),

rfm_values as (
    select
        customer_id,
        {{ days_between('last_order_date', as_of_date()) }} as recency_days,
        frequency,
        monetary_value,
        {{ divide_money('monetary_value', 'frequency', 2) }} as avg_order_value,
        merchandise_value,
        shipping_value,
        tax_value,
        discount_value,
        refunded_value,
        first_order_date,
        last_order_date,
        {{ days_between('first_order_date', 'last_order_date') }} as customer_tenure_days
    from customer_totals
),

rfm_scores as (
    select
        rfm_values.*,
        {{ score('rfm_values.recency_days', '<=', [30, 60, 90, 180]) }} as recency_score,
        {{ score('rfm_values.frequency', '>=', [5, 4, 3, 2]) }} as frequency_score,
        {{ score('rfm_values.monetary_value', '>=', var('monetary_bounds')) }} as monetary_score,
        coalesce(windows.frequency_365d, 0) as frequency_365d,
        {{ amount('coalesce(windows.monetary_365d, 0)') }} as monetary_365d,
        {% for quintile in ('r_quintile', 'f_quintile') -%}
        coalesce(windows.{{ quintile }}, 1) as {{ quintile }},
        {% endfor -%}
        coalesce(windows.m_quintile, 1) as m_quintile
    from rfm_values
    left join {{ ref('int_customer_rfm_monthly') }} as windows
        on rfm_values.customer_id = windows.customer_id and windows.month_key = {{ month_start(as_of_date()) }}
),

coded as (
    select
        *,
        recency_score + frequency_score + monetary_score as rfm_total_score,
        {{ as_text('recency_score') }} || {{ as_text('frequency_score') }}
        || {{ as_text('monetary_score') }} as rfm_segment_code,
        {{ as_text('r_quintile') }} || {{ as_text('f_quintile') }}
        || {{ as_text('m_quintile') }} as rfm_cell
    from rfm_scores
)

select * from coded
