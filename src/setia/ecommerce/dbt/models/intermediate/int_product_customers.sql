{#- Grain: one row a product and customer who bought it. Question: when did each customer first buy each product?
    A row hangs on no purchase before it, so that all days are built from the first that changed on. -#}
{{ config(cluster_by=bq_cluster(['product_id']), **by_day('first_purchase_date', onward=0)) }}
with purchases as (
    select
        product_id,
        customer_id,
        min(order_date) as first_purchase_date
    from {{ ref('int_order_lines') }}
    where not is_return and {{ from_rebuilt_days('order_date') }}
    group by product_id, customer_id
),

first_purchases as (
    select
        purchases.product_id,
        purchases.customer_id,
        purchases.first_purchase_date,
        {{ month_start('purchases.first_purchase_date') }} as month_key
    from purchases
    {% if is_increment() -%}
    left join {{ this }} as earlier
        on purchases.product_id = earlier.product_id and purchases.customer_id = earlier.customer_id
    where earlier.product_id is null
    {%- endif %}
)

select * from first_purchases
