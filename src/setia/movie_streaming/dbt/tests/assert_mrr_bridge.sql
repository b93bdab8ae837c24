{#- opening + new + reactivation + expansion - contraction - churn = closing, per month and per customer. -#}
with broken_months as (
    select
        'month' as level,
        {{ as_text('month_key') }} as broken_key
    from {{ ref('mart_subscriber_movements_monthly') }}
    where opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churn_mrr != closing_mrr
),

broken_customers as (
    select
        'customer' as level,
        {{ as_text('user_id') }} || ' ' || {{ as_text('month_key') }} as broken_key
    from {{ ref('mart_mrr_movements_monthly') }}
    where
        opening_mrr + movement_amount != closing_mrr
        or (movement in ('new', 'reactivation') and not (opening_mrr = 0 and closing_mrr > 0))
        or (movement = 'churn' and not (opening_mrr > 0 and closing_mrr = 0))
        or (movement = 'expansion' and not (opening_mrr > 0 and movement_amount > 0))
        or (movement = 'contraction' and not (closing_mrr > 0 and movement_amount < 0))
        or (movement = 'unchanged' and movement_amount != 0)
),

broken_bridges as (
    select * from broken_months
    union all
    select * from broken_customers
)

select * from broken_bridges
