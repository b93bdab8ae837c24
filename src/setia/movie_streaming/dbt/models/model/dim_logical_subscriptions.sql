{#-
Grain: one row per logical subscription: the spans of a user that follow one another without a day between.
Question: how long did each stay last, by way of which trial, plans and pauses, and how did it end?
-#}
{{ config(**by_user()) }}
{%- set closing_day = add_days(as_of_date(), 1) %}
with spans as (
    select
        *,
        lag(end_date) over (partition by user_id order by start_date) as end_before,
        lag(plan_type) over (partition by user_id order by start_date) as plan_before,
        lead(start_date) over (partition by user_id order by start_date) as start_after,
        case
            when start_date > {{ as_of_date() }} then 0
            when end_date <= {{ as_of_date() }} then {{ days_between('start_date', 'end_date') }}
            else {{ days_between('start_date', closing_day) }}
        end as days_so_far
    from {{ ref('fact_subscription_history') }}
    where {{ is_rebuilt_user() }}
),

numbered_spans as (
    select
        spans.*,
        coalesce(end_before = start_date, false) as is_continued,
        sum(case when end_before = start_date then 0 else 1 end) over (
            partition by user_id order by start_date rows between unbounded preceding and current row
        ) as stay_number
    from spans
),

newest_spans as (
    select
        user_id,
        stay_number,
        plan_type as last_plan,
        mrr as last_mrr,
        case when end_date is null or end_date > {{ closing_day }} then status end as status_in_force,
        row_number() over (partition by user_id, stay_number order by start_date desc) as recency
    from numbered_spans
    where start_date <= {{ closing_day }}
),

ends as (
    select
        numbered_spans.user_id,
        numbered_spans.stay_number,
        numbered_spans.end_date,
        case
            when dim_subscriptions.is_payment_failure then 'payment_failed'
            when dim_subscriptions.subscription_status = 'canceled' then 'canceled'
            else 'expired'
        end as status_when_over
    from numbered_spans
    inner join {{ ref('dim_subscriptions') }} as dim_subscriptions
        on numbered_spans.subscription_id = dim_subscriptions.subscription_id
    where numbered_spans.start_after is null or numbered_spans.start_after != numbered_spans.end_date
),

stays as (
    select
        user_id,
        stay_number,
        min(start_date) as start_date,
        min(case when mrr > 0 then start_date end) as first_paid_date,
        {%- for status in ['trial', 'active', 'paused', 'grace'] %}
        {{ whole_number("sum(case when status = '" ~ status ~ "' then days_so_far else 0 end)") }} as {{ status }}_days,
        {%- endfor %}
        count(
            case when is_continued and plan_type != plan_before and start_date <= {{ closing_day }} then 1 end
        ) as plan_changes
    from numbered_spans
    group by user_id, stay_number
),

logical_subscriptions as (
    select
        {{ as_text('stays.user_id') }} || '_' || {{ as_text('stays.start_date') }} as logical_subscription_id,
        stays.user_id,
        stays.start_date,
        ends.end_date,
        coalesce(newest_spans.status_in_force, ends.status_when_over) as status,
        stays.first_paid_date,
        newest_spans.last_plan,
        newest_spans.last_mrr,
        stays.plan_changes,
        stays.trial_days,
        stays.active_days,
        stays.paused_days,
        stays.grace_days
    from stays
    inner join ends on stays.user_id = ends.user_id and stays.stay_number = ends.stay_number
    inner join newest_spans
        on
            stays.user_id = newest_spans.user_id
            and stays.stay_number = newest_spans.stay_number
            and newest_spans.recency = 1
)

select * from logical_subscriptions
