{#- A query: what each customer had ordered by each cutoff_date of a relation, in parts that add up: whole months before
    cutoff_month, the cutoff's, and the orders of that month up to the cutoff. Nothing later is read. `first_cutoff`, a
    Python date that no cutoff is before: the months that int_customer_past has are read from there, where it ends before. -#}
{% macro orders_by_cutoff(cutoffs, first_cutoff=none) -%}
    {%- set relations = {'past': ref('int_customer_past'), 'months': ref('int_customer_months')} -%}
    {%- set is_past_known = first_cutoff is not none and first_cutoff >= past_ends() -%}
    {%- for part in (['past', 'months'] if is_past_known else ['months']) -%}
    select
        cutoffs.cutoff_date,
        months.customer_id,
        months.orders,
        months.first_order_date,
        months.last_order_date,
        months.order_subtotal + months.shipping_cost + months.tax_amount - months.discount_amount as order_total,
        months.net_total,
        months.squared_net_total,
        months.smallest_net_total,
        months.largest_net_total
    from {{ relations[part] }} as months
    {{ 'cross' if part == 'past' else 'inner' }} join {{ cutoffs }} as cutoffs
    {%- if part == 'months' %} on months.month_key < cutoffs.cutoff_month{% endif %}
    {%- if part == 'months' and is_past_known %} and months.month_key >= date '{{ past_ends() }}'{% endif %}
    union all
    {% endfor -%}
    select
        cutoffs.cutoff_date, orders.customer_id, 1, orders.order_date, orders.order_date, orders.order_total,
        orders.net_total, {{ money(money('orders.net_total') ~ ' * orders.net_total', 4) }}, orders.net_total, orders.net_total
    from {{ ref('int_customer_orders') }} as orders
    inner join {{ cutoffs }} as cutoffs
        on orders.order_month_start = cutoffs.cutoff_month and orders.order_date <= cutoffs.cutoff_date
{%- endmacro %}
