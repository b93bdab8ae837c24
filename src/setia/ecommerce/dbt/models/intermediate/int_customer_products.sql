{#- Grain: one row a customer and product with a line in the last affinity_days (365) days. Question: who bought what in them?
    Lines of completed orders; orders and units are those bought, and money is after returns. Pairs whose lines may be
    others than at the last build lose their last_line_date before, are built from their lines, and deleted after. -#}
{{ config(
    cluster_by=bq_cluster(['customer_id']),
    meta={'built_by_day_of': 'last_line_date', 'onward': 0},
    **incremental_marked('last_line_date', 'is_pair_outdated() ~ " or " ~ has_pair_new_lines()')
) }}
{% if is_increment() -%}
with changed_pairs as (
    select
        customer_id,
        product_id
    from {{ this }}
    where last_line_date is null
    union distinct
    {{ pairs_of_new_lines() }}
),

{% else -%}
with
{% endif -%}
window_lines as (
    select
        lines.customer_id,
        lines.product_id,
        lines.order_id,
        lines.order_date,
        lines.is_return,
        lines.quantity,
        lines.net_line_total
    from {{ ref('int_order_lines') }} as lines
    {% if is_increment() -%}
    inner join changed_pairs
        on lines.customer_id = changed_pairs.customer_id and lines.product_id = changed_pairs.product_id
    {% endif -%}
    where lines.order_date > {{ add_days(as_of_date(), -(var('affinity_days') | int)) }}
),

order_products as (
    select
        customer_id,
        product_id,
        order_id,
        order_date,
        count(case when not is_return then 1 end) as lines_bought,
        sum(case when is_return then 0 else quantity end) as units_bought,
        sum(net_line_total) as net_revenue
    from window_lines
    group by customer_id, product_id, order_id, order_date
),

customer_products as (
    select
        customer_id,
        product_id,
        count(case when lines_bought > 0 then 1 end) as orders_count,
        {{ amount('sum(units_bought)', 4) }} as units_bought,
        {{ amount('sum(net_revenue)') }} as net_revenue,
        min(case when lines_bought > 0 then order_date end) as first_purchase_date,
        max(case when lines_bought > 0 then order_date end) as last_purchase_date,
        min(order_date) as first_line_date,
        max(order_date) as last_line_date
    from order_products
    group by customer_id, product_id
)

select * from customer_products
