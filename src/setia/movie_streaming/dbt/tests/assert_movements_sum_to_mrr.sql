{#- The sum of every movement since the first month is the MRR at the closing, in all and per customer. -#}
with running_customers as (
    select
        user_id,
        month_key,
        closing_mrr,
        sum(movement_amount) over (
            partition by user_id order by month_key rows between unbounded preceding and current row
        ) as mrr_by_movements
    from {{ ref('mart_mrr_movements_monthly') }}
),

running_months as (
    select
        month_key,
        closing_mrr,
        sum(new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churn_mrr) over (
            order by month_key rows between unbounded preceding and current row
        ) as mrr_by_movements
    from {{ ref('mart_subscriber_movements_monthly') }}
),

differences as (
    select
        {{ as_text('user_id') }} as customer,
        month_key
    from running_customers
    where closing_mrr != mrr_by_movements
    union all
    select
        'all' as customer,
        month_key
    from running_months
    where closing_mrr != mrr_by_movements
)

select * from differences
