{#- Grain: one row a cohort (the month of a customer's first completed order) and month of its life, to that of as_of.
    Question: of those who came in a month, how many buy n months later, and what have they brought in so far?
    A month that is not complete is not mature: its figures are NULL. -#}
{{ config(partition_by=bq_partition('cohort_month')) }}
with customers as (
    select
        customer_id,
        {{ month_start('first_order_date') }} as cohort_month
    from {{ ref('int_customer_rfm') }}
),

cohorts as (
    select
        cohort_month,
        count(*) as customers,
        {{ month_start(as_of_date()) }} as last_month
    from customers
    group by cohort_month
),

life_months as (
    {{ month_rows('cohorts', 'cohort_month', 'last_month', key='cohort_month') }}
),

lives as (
    select
        life_months.cohort_month,
        life_months.month_key,
        row_number() over (partition by life_months.cohort_month order by life_months.month_key) - 1 as months_since,
        {{ is_complete_month('life_months.month_key') }} as is_mature,
        {% for column in ('retained_customers', 'orders', 'orders_without_cost') -%}
        {{ whole_number('coalesce(sales.' ~ column ~ ', 0)') }} as {{ column }},
        {% endfor -%}
        {% for column in ('net_sales', 'contribution_margin') -%}
        {{ money('coalesce(sales.' ~ column ~ ', 0)') }} as {{ column }},
        {{ money('sum(coalesce(sales.' ~ column ~ ', 0))'
            ~ ' over (partition by life_months.cohort_month order by life_months.month_key rows unbounded preceding)') }}
            as cumulative_{{ column }},
        {% endfor -%}
        cohorts.customers
    from life_months
    inner join cohorts on life_months.cohort_month = cohorts.cohort_month
    left join {{ ref('int_cohort_months') }} as sales
        on life_months.cohort_month = sales.cohort_month and life_months.month_key = sales.month_key
),

mature as (
    select
        cohort_month,
        months_since,
        month_key,
        customers,
        {% for column in ('retained_customers', 'orders', 'net_sales', 'cumulative_net_sales', 'contribution_margin',
                          'cumulative_contribution_margin', 'orders_without_cost') -%}
        case when is_mature then {{ column }} end as {{ column }},
        {% endfor -%}
        is_mature
    from lives
),

retention as (
    select
        *,
        {{ ratio('retained_customers', 'customers') }} as retention_rate,
        {{ divide_money('cumulative_net_sales', 'customers', 2) }} as cumulative_net_sales_per_customer,
        {{ divide_money('cumulative_contribution_margin', 'customers', 2) }} as cumulative_margin_per_customer
    from mature
)

select * from retention
