{#-
Grain: one row per user and cutoff, as in ml_user_snapshots, with a charge by the end of that day.
Question: how often did charges fail so far, of the user and of all who pay the same way, and did the last?
-#}
{{ config(materialized='view', meta={'built_by_month_of': 'cutoff_date'}) }}
with cutoffs as (
    {{ cutoff_rows() }}
),

charges as (
    select
        cutoffs.cutoff_date,
        payments.user_id,
        payments.method,
        payments.date_key,
        payments.payment_status = 'failed' as is_failed,
        payments.date_key > {{ add_days('cutoffs.cutoff_date', -84) }} as is_late,
        row_number() over (
            partition by payments.user_id, cutoffs.cutoff_date order by payments.payment_date desc, payments.payment_id desc
        ) as recency
    from cutoffs
    inner join {{ ref('fact_payments') }} as payments on payments.date_key <= cutoffs.cutoff_date
    where payments.payment_status in ('completed', 'failed')
),

methods as (
    select
        cutoff_date,
        method,
        {{ ratio('count(case when is_failed then 1 end)', 'count(*)') }} as method_failed_share
    from charges
    where is_late
    group by cutoff_date, method
),

users as (
    select
        user_id,
        cutoff_date,
        count(*) as charges,
        count(case when is_failed then 1 end) as failed_charges,
        count(case when is_failed and is_late then 1 end) as failed_charges_84d,
        max(case when recency = 1 and is_failed and is_late then 1 else 0 end) as is_unpaid,
        max(case when recency = 1 then method end) as method
    from charges
    group by user_id, cutoff_date
),

user_charges as (
    select
        users.user_id,
        users.cutoff_date,
        users.charges,
        users.failed_charges,
        users.failed_charges_84d,
        users.is_unpaid,
        methods.method_failed_share
    from users
    left join methods on users.method = methods.method and users.cutoff_date = methods.cutoff_date
)

select * from user_charges
