{#-
Grain: one row per user and month in which MRR was or became positive.
Question: whose monthly payment is new, grew, shrank, ended or came back, and by how much?
-#}
{{ config(partition_by=bq_partition('month_key'), cluster_by=bq_cluster(['user_id']), **by_user(day='month_key')) }}
with first_months as (
    select
        user_id,
        min(month_key) as first_month
    from {{ ref('fact_user_mrr_monthly') }}
    where {{ is_rebuilt_user() }}
    group by user_id
),

labelled_months as (
    select
        user_months.user_id,
        user_months.month_key,
        user_months.opening_mrr,
        case
            when user_months.opening_mrr = 0 and user_months.month_key > first_months.first_month then 'reactivation'
            when user_months.opening_mrr = 0 then 'new'
            when user_months.closing_mrr = 0 then 'churn'
            when user_months.closing_mrr > user_months.opening_mrr then 'expansion'
            when user_months.closing_mrr < user_months.opening_mrr then 'contraction'
            else 'unchanged'
        end as movement,
        user_months.closing_mrr - user_months.opening_mrr as movement_amount,
        user_months.closing_mrr
    from {{ ref('fact_user_mrr_monthly') }} as user_months
    inner join first_months on user_months.user_id = first_months.user_id
    where
        not user_months.is_intra_month
        and {{ is_rebuilt_user('user_months.user_id', day='user_months.month_key') }}
),

ended_periods as (
    select
        labelled_months.user_id,
        labelled_months.month_key,
        periods.is_payment_failure,
        row_number() over (
            partition by labelled_months.user_id, labelled_months.month_key
            order by periods.end_date desc, periods.subscription_id desc
        ) as recency
    from labelled_months
    inner join {{ ref('dim_subscription_months') }} as months on labelled_months.month_key = months.month_key
    inner join {{ ref('dim_subscriptions') }} as periods
        on labelled_months.user_id = periods.user_id and months.closing_date >= periods.end_date
    where labelled_months.movement = 'churn' and periods.mrr > 0 and periods.start_date < periods.end_date
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
