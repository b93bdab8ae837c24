{#- Grain: one row a customer with a completed order more than four whole months ago. Question: what had they bought by then?
    The sums of the older months, which a day leaves as they are, so that it reads one row a customer and the few months
    since. The last year is that of int_customer_margins, as of then. -#}
{{ config(cluster_by=bq_cluster(['customer_id']), **incremental_where(["'not ' ~ is_past_kept()"])) }}
{% set amounts = ('order_subtotal', 'discount_amount', 'refunded_amount', 'shipping_cost', 'tax_amount', 'net_total',
                  'contribution_margin') -%}
with last_months as (
    select
        customer_id,
        max(month_key) as last_month
    from {{ ref('int_customer_months') }}
    where month_key < date '{{ past_ends() }}' and not {{ is_past_kept() }}
    group by customer_id
),

past_months as (
    select
        months.*,
        months.month_key > {{ add_days('last_months.last_month', -350) }} as is_in_last_year
    from {{ ref('int_customer_months') }} as months
    inner join last_months on months.customer_id = last_months.customer_id
    where months.month_key < date '{{ past_ends() }}' and not {{ is_past_kept() }}
),

customer_past as (
    select
        customer_id,
        {{ whole_number('sum(orders)') }} as orders,
        min(first_order_date) as first_order_date,
        max(last_order_date) as last_order_date,
        {% for amount_column in amounts -%}
        {{ amount('sum(' ~ amount_column ~ ')') }} as {{ amount_column }},
        {% endfor -%}
        min(smallest_net_total) as smallest_net_total,
        max(largest_net_total) as largest_net_total,
        {{ money('sum(squared_net_total)', 4) }} as squared_net_total,
        {{ whole_number('sum(orders_without_cost)') }} as orders_without_cost,
        {{ whole_number('sum(case when is_in_last_year then orders end)') }} as last_year_orders,
        case when sum(case when is_in_last_year then orders_without_cost end) = 0
            then {{ amount('sum(case when is_in_last_year then contribution_margin end)') }}
        end as last_year_margin
    from past_months
    group by customer_id
)

select * from customer_past
