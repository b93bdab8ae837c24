{#- Customers by the segment that they reach are those of the history; by the segment that they come from, those of the
    month before; and the newest month of the history is what dim_customer_segments says. -#}
with history as (
    select
        month_key,
        rfm_segment as segment,
        count(*) as customers
    from {{ ref('fct_segment_history') }}
    where {{ in_tested_months('month_key', 31) }}
    group by month_key, rfm_segment
),

reached as (
    select
        month_key,
        to_segment as segment,
        sum(customers) as customers
    from {{ ref('fct_segment_migration_monthly') }}
    where {{ in_tested_months('month_key', 31) }}
    group by month_key, to_segment
),

left_behind as (
    select
        month_key,
        from_segment as segment,
        sum(customers) as customers
    from {{ ref('fct_segment_migration_monthly') }}
    where from_segment <> 'Prospect' and {{ in_tested_months('month_key') }}
    group by month_key, from_segment
),

newest as (
    select
        {{ month_start(as_of_date()) }} as month_key,
        rfm_segment as segment,
        count(*) as customers
    from {{ ref('dim_customer_segments') }}
    where rfm_segment <> 'Prospect'
    group by rfm_segment
),

faults as (
    {% for other, shift in (('reached', false), ('left_behind', true), ('newest', false)) -%}
    select
        '{{ other }}' as against,
        {{ other }}.month_key,
        {{ other }}.segment
    from {{ other }}
    left join history
        on
            {{ other }}.segment = history.segment
            and {{ other }}.month_key = {{ next_month('history.month_key') if shift else 'history.month_key' }}
    where {{ other }}.customers <> coalesce(history.customers, 0)
    union all
    {% endfor -%}
    select
        'history' as against,
        history.month_key,
        history.segment
    from history
    left join reached on history.month_key = reached.month_key and history.segment = reached.segment
    where reached.customers is null
)

select * from faults
