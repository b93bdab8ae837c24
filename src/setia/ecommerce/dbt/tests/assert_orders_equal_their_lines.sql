{#- Month by month, of all months: lines, orders and customer-months come to the same merchandise and returns, and
    each part of the waterfall is as large over customers as over orders. -#}
{% set parts = ('order_subtotal', 'discount_amount', 'refunded_amount', 'shipping_cost', 'tax_amount', 'net_total') -%}
with from_lines as (
    select
        order_month_start as month_key,
        sum(case when is_return then 0 else line_total end) as merchandise,
        sum(case when is_return then -net_line_total else 0 end) as returned
    from {{ ref('int_order_lines') }}
    group by order_month_start
),

from_orders as (
    select
        order_month_start as month_key,
        {% for part in parts -%}
        sum({{ part }}) as {{ part }},
        {% endfor -%}
        sum(returned_amount) as returned,
        count(*) as orders
    from {{ ref('int_customer_orders') }}
    group by order_month_start
),

from_customers as (
    select
        month_key,
        {% for part in parts -%}
        sum({{ part }}) as {{ part }},
        {% endfor -%}
        sum(orders) as orders
    from {{ ref('int_customer_months') }}
    group by month_key
),

faults as (
    select coalesce(from_orders.month_key, from_customers.month_key, from_lines.month_key) as month_key
    from from_orders
    full outer join from_customers on from_orders.month_key = from_customers.month_key
    full outer join from_lines on from_orders.month_key = from_lines.month_key
    where
        not coalesce(from_orders.orders = from_customers.orders, false)
        {% for part in parts -%}
        or from_orders.{{ part }} <> from_customers.{{ part }}
        {% endfor -%}
        or coalesce(from_lines.merchandise, 0) <> from_orders.order_subtotal
        or coalesce(from_lines.returned, 0) <> from_orders.returned
)

select * from faults
