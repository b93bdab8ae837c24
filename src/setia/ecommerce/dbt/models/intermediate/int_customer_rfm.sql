{#- Grain: one row a customer with a completed order. Question: how recently, how often, for how much?
    recency, frequency and monetary_value are over all orders before as_of, and so are the tutorial's fixed bounds; the
    quintiles are over the window that ends at as_of: a customer without an order in it is in cell 111. -#}
with parts as (
    {{ customer_history([
        'first_order_date', 'last_order_date', 'orders', 'orders_without_cost', 'order_subtotal', 'shipping_cost', 'tax_amount',
        'discount_amount', 'refunded_amount', 'contribution_margin', 'net_total',
    ]) }}
),

customer_totals as (
    select
        customer_id,
        min(first_order_date) as first_order_date,
        max(last_order_date) as last_order_date,
        {{ whole_number('sum(orders)') }} as frequency,
        {{ whole_number('sum(orders_without_cost)') }} as orders_without_cost,
        {% for column, value in {
            'order_subtotal': 'merchandise_value', 'shipping_cost': 'shipping_value', 'tax_amount': 'tax_value',
            'discount_amount': 'discount_value', 'refunded_amount': 'refunded_value',
            'contribution_margin': 'contribution_margin',
        }.items() -%}
        {{ amount('sum(' ~ column ~ ')') }} as {{ value }},
        {% endfor -%}
        {{ amount('sum(net_total)') }} as monetary_value
    from parts
    group by customer_id
),

rfm_values as (
    select
        totals.customer_id,
        {{ days_between('totals.last_order_date', as_of_date()) }} as recency_days,
        totals.frequency,
        totals.monetary_value,
        {{ divide_money('totals.monetary_value', 'totals.frequency', 2, 18) }} as avg_order_value,
        totals.merchandise_value,
        totals.shipping_value,
        totals.tax_value,
        totals.discount_value,
        totals.refunded_value,
        totals.contribution_margin,
        totals.orders_without_cost,
        totals.first_order_date,
        totals.last_order_date,
        {{ days_between('totals.first_order_date', 'totals.last_order_date') }} as customer_tenure_days,
        coalesce(windows.frequency_365d, 0) as frequency_365d,
        {{ amount('coalesce(windows.monetary_365d, 0)') }} as monetary_365d,
        {% for quintile in ('r_quintile', 'f_quintile') -%}
        coalesce(windows.{{ quintile }}, 1) as {{ quintile }},
        {% endfor -%}
        coalesce(windows.m_quintile, 1) as m_quintile
    from customer_totals as totals
    left join {{ ref('int_customer_rfm_monthly') }} as windows
        on totals.customer_id = windows.customer_id and windows.month_key = {{ month_start(as_of_date()) }}
),

rfm_scores as (
    select
        *,
        {{ score('recency_days', '<=', [30, 60, 90, 180]) }} as recency_score,
        {{ score('frequency', '>=', [5, 4, 3, 2]) }} as frequency_score,
        {{ score('monetary_value', '>=', var('monetary_bounds')) }} as monetary_score
    from rfm_values
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
