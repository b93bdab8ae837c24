{#-
Grain: one row per user and month in which a paid period of the user was in force, or renewed late.
Question: what did each user pay a month at the month's opening and at its closing?
-#}
{{ config(**by_user(day='month_key')) }}
with paid_spans as (
    select
        user_id,
        start_date,
        coalesce(end_date, date '9999-12-31') as end_date,
        mrr
    from {{ ref('fact_subscription_history') }}
    where mrr > 0 and {{ is_rebuilt_user() }}
),

months as (
    select * from {{ ref('dim_subscription_months') }}
),

user_months as (
    select
        paid_spans.user_id,
        months.month_key,
        sum(case when paid_spans.start_date <= months.opening_date then paid_spans.mrr else 0 end)
            as opening_mrr,
        sum(case when paid_spans.end_date > months.closing_date then paid_spans.mrr else 0 end)
            as closing_mrr
    from paid_spans
    inner join months
        on
            paid_spans.start_date <= months.closing_date
            and paid_spans.end_date > months.opening_date
    where {{ is_rebuilt_user('paid_spans.user_id', day='months.month_key') }}
    group by paid_spans.user_id, months.month_key
),

users_at_risk as (
    select distinct
        fact_payments.user_id,
        months.month_key
    from {{ ref('fact_payments') }} as fact_payments
    inner join months
        on
            fact_payments.date_key < months.closing_date
            and coalesce(fact_payments.next_settled_date, date '9999-12-31') >= months.closing_date
    where fact_payments.payment_status = 'failed' and {{ is_rebuilt_user('fact_payments.user_id') }}
),

user_months_with_risk as (
    select
        user_months.user_id,
        user_months.month_key,
        user_months.opening_mrr,
        user_months.closing_mrr,
        user_months.opening_mrr = 0 and user_months.closing_mrr = 0 as is_intra_month,
        user_months.closing_mrr > 0 and users_at_risk.user_id is not null as is_at_risk
    from user_months
    left join users_at_risk
        on
            user_months.user_id = users_at_risk.user_id
            and user_months.month_key = users_at_risk.month_key
)

select * from user_months_with_risk
