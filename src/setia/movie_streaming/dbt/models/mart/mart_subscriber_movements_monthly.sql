{#-
Grain: one row per month of subscription history, to the month of as_of.
Question: how did MRR and the number of subscribers move, and at which rates did they leave?
-#}
{{ config(partition_by=bq_partition('month_key')) }}
{%- set measures = [
    'opening_mrr', 'new_mrr', 'expansion_mrr', 'contraction_mrr', 'churn_mrr', 'reactivation_mrr',
    'closing_mrr', 'mrr_at_risk', 'opening_customers', 'new_customers', 'reactivated_customers',
    'churned_customers_voluntary', 'churned_customers_involuntary', 'closing_customers',
    'intra_month_customers',
] -%}
with movement_totals as (
    select
        month_key,
        sum(opening_mrr) as opening_mrr,
        {%- for kind in ['new', 'expansion', 'contraction', 'churn', 'reactivation'] %}
        sum(case when movement = '{{ kind }}' then abs(movement_amount) else 0 end) as {{ kind }}_mrr,
        {%- endfor %}
        sum(closing_mrr) as closing_mrr,
        count(case when opening_mrr > 0 then 1 end) as opening_customers,
        count(case when movement = 'new' then 1 end) as new_customers,
        count(case when movement = 'reactivation' then 1 end) as reactivated_customers,
        count(case when churn_reason = 'voluntary' then 1 end) as churned_customers_voluntary,
        count(case when churn_reason = 'involuntary' then 1 end) as churned_customers_involuntary,
        count(case when closing_mrr > 0 then 1 end) as closing_customers
    from {{ ref('mart_mrr_movements_monthly') }}
    group by month_key
),

risk_totals as (
    select
        month_key,
        sum(case when is_at_risk then closing_mrr else 0 end) as mrr_at_risk,
        count(case when is_intra_month then 1 end) as intra_month_customers
    from {{ ref('fact_user_mrr_monthly') }}
    group by month_key
),

trial_totals as (
    select
        {{ month_start('start_date') }} as month_key,
        {{ ratio('count(case when has_converted then 1 end)', 'count(*)') }} as trial_conversion_rate
    from {{ ref('dim_subscriptions') }}
    where is_trial and start_date <= {{ as_of_date() }}
    group by {{ month_start('start_date') }}
),

failure_totals as (
    select
        month_key,
        {{ ratio('count(case when is_recovered then 1 end)', 'count(*)') }} as failed_payment_recovery_rate
    from {{ ref('fact_payments') }}
    where payment_status = 'failed'
    group by month_key
),

month_totals as (
    select
        months.month_key,
        months.is_complete,
        {%- for measure in measures %}
        coalesce({{ measure }}, 0) as {{ measure }},
        {%- endfor %}
        trial_totals.trial_conversion_rate,
        failure_totals.failed_payment_recovery_rate
    from {{ ref('dim_subscription_months') }} as months
    left join movement_totals on months.month_key = movement_totals.month_key
    left join risk_totals on months.month_key = risk_totals.month_key
    left join trial_totals on months.month_key = trial_totals.month_key
    left join failure_totals on months.month_key = failure_totals.month_key
),

months_with_rates as (
    select
        month_key,
        is_complete,
        {%- for measure in measures %}
        {{ measure }},
        {%- endfor %}
        {{ ratio('churned_customers_voluntary + churned_customers_involuntary', 'opening_customers') }}
            as logo_churn_rate,
        {{ ratio('churn_mrr + contraction_mrr', 'opening_mrr') }} as gross_revenue_churn_rate,
        {{ ratio('churn_mrr + contraction_mrr - expansion_mrr - reactivation_mrr', 'opening_mrr') }}
            as net_revenue_churn_rate,
        {{ ratio('opening_mrr - churn_mrr - contraction_mrr', 'opening_mrr') }} as grr,
        {{ ratio('opening_mrr + expansion_mrr - contraction_mrr - churn_mrr', 'opening_mrr') }} as nrr,
        {{ divide_money('closing_mrr', 'closing_customers') }} as arpa,
        trial_conversion_rate,
        failed_payment_recovery_rate
    from month_totals
)

select * from months_with_rates
