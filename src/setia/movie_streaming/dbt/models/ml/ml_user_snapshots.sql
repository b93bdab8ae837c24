{#-
Grain: one row per user and cutoff (as_of, or one of the last months' last days) at which a subscription was in force.
Question: what was known of each subscriber by the end of that day, and when did they leave afterwards?
What came later is in leaves_on and leaves_how only. A view: `setia predict` reads the cutoffs that it needs.
-#}
{{ config(materialized='view', meta={'built_by_month_of': 'cutoff_date'}) }}
{%- set is_in_force = '(subscriptions.end_date is null or subscriptions.end_date > cutoffs.cutoff_date)' %}
{%- set is_ended = '(subscriptions.canceled_at is not null and ' ~ local_date('subscriptions.canceled_at') ~ ' <= cutoffs.cutoff_date)' %}
{%- set period_start = 'max(case when ' ~ is_in_force ~ ' then subscriptions.start_date end)' %}
with cutoffs as (
    {{ cutoff_rows() }}
),

subscribers as (
    select
        subscriptions.user_id,
        cutoffs.cutoff_date,
        {{ days_between('min(subscriptions.start_date)', 'cutoffs.cutoff_date') }} as tenure_days,
        {{ days_between(period_start, 'cutoffs.cutoff_date') }} as period_days,
        count(*) as periods,
        count(distinct subscriptions.plan_type) as plans,
        sum(case when {{ is_in_force }} then subscriptions.mrr end) as mrr,
        min(case when {{ is_in_force }} and not subscriptions.is_trial then 0 else 1 end) as is_on_trial,
        max(case when {{ is_in_force }} and subscriptions.discount_amount > 0 then 1 else 0 end) as has_discount,
        min(case when {{ is_in_force }} and not {{ is_ended }} then 0 else 1 end) as is_ending
    from cutoffs
    inner join {{ ref('dim_subscriptions') }} as subscriptions on subscriptions.start_date <= cutoffs.cutoff_date
    group by subscriptions.user_id, cutoffs.cutoff_date
    having max(case when {{ is_in_force }} then 1 end) = 1
),

ratings as (
    select
        given.user_id,
        cutoffs.cutoff_date,
        avg(given.rating_score) as avg_rating
    from cutoffs
    inner join {{ ref('prep_ratings') }} as given on given.local_rating_date <= cutoffs.cutoff_date
    group by given.user_id, cutoffs.cutoff_date
),

snapshots as (
    select
        subscribers.user_id,
        subscribers.cutoff_date,
        subscribers.tenure_days,
        {{ days_between('stays.start_date', 'subscribers.cutoff_date') }} as stay_days,
        subscribers.period_days,
        subscribers.periods,
        subscribers.plans,
        subscribers.mrr,
        subscribers.is_on_trial,
        subscribers.has_discount,
        subscribers.is_ending,
        coalesce(charges.failed_charges_84d, 0) as failed_charges_84d,
        coalesce(charges.is_unpaid, 0) as is_unpaid,
        {{ ratio('charges.failed_charges', 'charges.charges') }} as failed_share,
        charges.method_failed_share,
        coalesce(viewing.watch_minutes_7d, 0) as watch_minutes_7d,
        coalesce(viewing.watch_minutes_28d, 0) as watch_minutes_28d,
        {{ ratio('coalesce(viewing.watch_minutes_28d, 0) + 60', 'coalesce(viewing.watch_minutes_before, 0) + 60') }}
            as watch_trend,
        {%- for days in [7, 14, 28] %}
        {%- set usual = '(coalesce(viewing.sessions_so_far, 0) * ' ~ days ~ ' / (subscribers.tenure_days + 1.0))' %}
        {%- set sessions = 'coalesce(viewing.sessions_' ~ days ~ 'd, 0)' %}
        {{ ratio(sessions ~ ' + 1', usual ~ ' + 1') }} as pace_{{ days }}d,
        {%- endfor %}
        coalesce(viewing.active_days_28d, 0) as active_days_28d,
        {{ ratio('viewing.completed_28d', 'viewing.sessions_28d') }} as completed_share_28d,
        {{ ratio('viewing.completed_so_far', 'viewing.sessions_so_far') }} as completed_share,
        {{ days_between('viewing.last_active_date', 'subscribers.cutoff_date') }} as days_since_play,
        ratings.avg_rating,
        stays.end_date as leaves_on,
        case when stays.end_date <= {{ add_days(as_of_date(), 1) }} then stays.status end as leaves_how
    from subscribers
    inner join {{ ref('dim_logical_subscriptions') }} as stays
        on
            subscribers.user_id = stays.user_id
            and subscribers.cutoff_date >= stays.start_date
            and (stays.end_date is null or subscribers.cutoff_date < stays.end_date)
    left join {{ ref('ml_user_charges') }} as charges
        on subscribers.user_id = charges.user_id and subscribers.cutoff_date = charges.cutoff_date
    left join {{ ref('ml_user_viewing') }} as viewing
        on subscribers.user_id = viewing.user_id and subscribers.cutoff_date = viewing.cutoff_date
    left join ratings
        on subscribers.user_id = ratings.user_id and subscribers.cutoff_date = ratings.cutoff_date
)

select * from snapshots
