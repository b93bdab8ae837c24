{#-
Grain: one row per user and span of days in which the same periods were in force, or in which the next was awaited.
Question: on any day, was the user on trial, paying, paused or late, with which plan and at what MRR?
Spans of a user do not overlap. A gap of at most grace_days is a late renewal, which keeps the MRR of those periods
that nobody ended: cancelled, with renewal off, or with any reason given.
-#}
{{ config(**by_user()) }}
{%- set no_end = "date '9999-12-31'" -%}
{%- set best_first = "case periods.status when 'active' then 1 when 'trial' then 2 else 3 end,"
    ~ " periods.start_date desc, periods.subscription_id desc" -%}
{%- set a_span = 'partition by spans.user_id, spans.start_date' %}
with periods as (
    select
        user_id,
        subscription_id,
        plan_type,
        start_date,
        coalesce(end_date, {{ no_end }}) as end_date,
        mrr,
        case when is_trial then 'trial' when source_status = 'paused' then 'paused' else 'active' end as status,
        canceled_at is not null
        or cancel_reason is not null
        or coalesce(source_status = 'canceled', false)
        or not coalesce(auto_renew, true) as is_ended_for_good
    from {{ ref('dim_subscriptions') }}
    where start_date <= {{ as_of_date() }} and {{ is_rebuilt_user() }} and (end_date is null or start_date < end_date)
),

turns as (
    {%- for side in ['start_date', 'end_date'] %}
    select
        user_id,
        {{ side }} as turn_date
    from periods
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
),

spans as (
    select
        user_id,
        turn_date as start_date,
        lead(turn_date) over (partition by user_id order by turn_date) as end_date
    from turns
),

spans_in_force as (
    select
        spans.user_id,
        spans.start_date,
        spans.end_date,
        periods.subscription_id,
        periods.plan_type,
        periods.status,
        sum(periods.mrr) over ({{ a_span }}) as mrr,
        sum(case when not periods.is_ended_for_good then periods.mrr end) over ({{ a_span }}) as renewable_mrr,
        {%- for column in ['subscription_id', 'plan_type'] %}
        first_value(case when not periods.is_ended_for_good then periods.{{ column }} end) over (
            {{ a_span }} order by case when periods.is_ended_for_good then 1 else 0 end, {{ best_first }}
        ) as renewable_{{ column }},
        {%- endfor %}
        row_number() over ({{ a_span }} order by {{ best_first }}) as preference
    from spans
    left join periods
        on
            spans.user_id = periods.user_id
            and spans.start_date >= periods.start_date
            and spans.start_date < periods.end_date
    where spans.end_date is not null
),

spans_with_before as (
    select
        *,
        {%- for column in ['subscription_id', 'plan_type'] %}
        lag(renewable_{{ column }}) over (partition by user_id order by start_date) as late_{{ column }},
        {%- endfor %}
        lag(renewable_mrr) over (partition by user_id order by start_date) as late_mrr
    from spans_in_force
    where preference = 1
),

history as (
    select
        user_id,
        start_date,
        nullif(end_date, {{ no_end }}) as end_date,
        coalesce(status, 'grace') as status,
        coalesce(subscription_id, late_subscription_id) as subscription_id,
        coalesce(plan_type, late_plan_type) as plan_type,
        coalesce(mrr, late_mrr) as mrr
    from spans_with_before
    where
        status is not null
        or (late_mrr is not null and {{ days_between('start_date', 'end_date') }} <= {{ var('grace_days') }})
)

select * from history
