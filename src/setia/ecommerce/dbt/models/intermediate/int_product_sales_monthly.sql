{#- Grain: one row a product and month with a line of a completed order. Question: what did each product sell that month?
    An order belongs to one month, so every column but the days adds up over months to the product's own figure. -#}
{{ config(cluster_by=bq_cluster(['product_id']), **by_month('month_key')) }}
with product_months as (
    select
        product_id,
        order_month_start as month_key,
        count(distinct case when not is_return then order_id end) as orders_count,
        {{ amount('sum(case when is_return then 0 else quantity end)', 4) }} as units_sold,
        {{ amount('sum(case when is_return then -quantity else 0 end)', 4) }} as units_returned,
        {{ amount('sum(case when is_return then 0 else line_total end)') }} as revenue,
        {{ amount('sum(case when is_return then -line_total else 0 end)') }} as returned_revenue,
        {{ amount('sum(discount_amount)') }} as discount_amount,
        {{ amount('sum(net_line_total)') }} as net_revenue,
        {{ amount('coalesce(sum(line_cost), 0)') }} as known_cost,
        count(*) - count(line_cost) as lines_of_unknown_cost,
        min(case when not is_return then order_date end) as first_sale_date,
        max(case when not is_return then order_date end) as last_sale_date
    from {{ ref('int_order_lines') }}
    where {{ in_rebuilt_months('order_date') }}
    group by product_id, order_month_start
)

select * from product_months
