{#- A query: each customer's orders of the 180 days up to each cutoff_date of a relation, by how long before. -#}
{% macro orders_near_cutoff(cutoffs) -%}
    {%- set days = days_between('orders.order_date', 'cutoffs.cutoff_date') -%}
    select
        cutoffs.cutoff_date,
        orders.customer_id,
        count(case when {{ days }} < 90 then 1 end) as orders_last_90d,
        count(case when {{ days }} >= 90 then 1 end) as orders_previous_90d,
        sum(case when {{ days }} < 90 then orders.order_total else 0 end) as order_total_90d
    from {{ ref('int_customer_orders') }} as orders
    inner join {{ cutoffs }} as cutoffs
        on
            orders.order_date <= cutoffs.cutoff_date
            and orders.order_date > {{ add_days('cutoffs.cutoff_date', -180) }}
    group by cutoffs.cutoff_date, orders.customer_id
{%- endmacro %}
