{#-
Grain: one row per user and month in which MRR was or became positive.
Question: whose monthly payment is new, grew, shrank, ended or came back, and by how much?
-#}
{{ config(partition_by=bq_partition('month_key'), cluster_by=bq_cluster(['user_id'])) }}
with ended_periods as (
    select
        user_id,
        {{ month_start(add_days('end_date', -1)) }} as month_key,
        is_payment_failure,
        row_number() over (
            partition by user_id, {{ month_start(add_days('end_date', -1)) }}
            order by end_date desc, subscription_id desc
        ) as recency
    from {{ ref('dim_subscriptions') }}
    where mrr > 0 and start_date < end_date and end_date <= {{ add_days(as_of_date(), 1) }}
),

numbered_months as (
    select
        fact_user_mrr_monthly.*,
        row_number() over (partition by user_id order by month_key) as months_with_mrr
    from {{ ref('fact_user_mrr_monthly') }} as fact_user_mrr_monthly
),

labelled_months as (
    select
        user_id,
        month_key,
        opening_mrr,
        case
            when opening_mrr = 0 and months_with_mrr > 1 then 'reactivation'
            when opening_mrr = 0 then 'new'
            when closing_mrr = 0 then 'churn'
            when closing_mrr > opening_mrr then 'expansion'
            when closing_mrr < opening_mrr then 'contraction'
            else 'unchanged'
        end as movement,
        closing_mrr - opening_mrr as movement_amount,
        closing_mrr
    from numbered_months
    where not is_intra_month
),

movements as (
    select
        labelled_months.user_id,
        labelled_months.month_key,
        labelled_months.opening_mrr,
        labelled_months.movement,
        labelled_months.movement_amount,
        labelled_months.closing_mrr,
        case
            when labelled_months.movement != 'churn' then null
            when ended_periods.is_payment_failure then 'involuntary'
            else 'voluntary'
        end as churn_reason
    from labelled_months
    left join ended_periods
        on
            labelled_months.user_id = ended_periods.user_id
            and labelled_months.month_key = ended_periods.month_key
            and ended_periods.recency = 1
)

select * from movements
