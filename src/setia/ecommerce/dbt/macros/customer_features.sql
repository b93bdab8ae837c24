{#- A query: one row a customer with an order and cutoff, of what was known by the cutoff_date of the relation. It is what
    ml_customer_features and ml_customer_training have in common, so that what is learnt is what is scored. -#}
{% macro customer_features(cutoffs, first_cutoff=none) -%}
    {%- set recency = days_between('past.last_order_date', 'past.cutoff_date') -%}
    {%- set exposure = days_between('past.first_order_date', 'past.cutoff_date') -%}
    {%- set tenure = days_between('past.first_order_date', 'past.last_order_date') -%}
    select
        past.*,
        {{ recency }} as recency_days,
        {{ tenure }} as customer_tenure_days,
        {{ exposure }} as exposure_days,
        case
            when {{ exposure }} < 30 then cast(past.frequency as {{ type_double() }})
            else {{ ratio('past.frequency * 30', exposure) }}
        end as orders_per_month,
        {{ ratio(tenure, 'past.frequency - 1') }} as avg_days_between_orders,
        {{ divide_money('past.order_total', 'past.frequency', 2, 18) }} as avg_order_total,
        coalesce(near.orders_last_90d, 0) as orders_last_90d,
        coalesce(near.orders_previous_90d, 0) as orders_previous_90d,
        {{ amount('coalesce(near.order_total_90d, 0)') }} as order_total_90d,
        {{ ratio('coalesce(near.orders_last_90d, 0) + 1', 'coalesce(near.orders_previous_90d, 0) + 1') }} as order_trend_ratio,
        case when {{ recency }} <= 30 then 1 else 0 end as is_active_last_30d,
        case when {{ recency }} <= 90 then 1 else 0 end as is_active_last_90d
    from ({{ orders_until_cutoff(cutoffs, first_cutoff) }}) as past
    left join ({{ orders_near_cutoff(cutoffs) }}) as near
        on past.customer_id = near.customer_id and past.cutoff_date = near.cutoff_date
{%- endmacro %}
