{#-
Grain: one row per local month in which a trial began, to the month of as_of.
Question: of the trials that began in a month, how many have become paid, and how many within 30, 60 and 90 days?
A trial is paid once its user begins a period with MRR on or after its first day. A rate within n days is NULL
until n days have passed since the month's last trial could begin.
-#}
{{ config(partition_by=bq_partition('month_key')) }}
with trials as (
    select
        subscription_id,
        user_id,
        start_date
    from {{ ref('dim_subscriptions') }}
    where is_trial and start_date <= {{ as_of_date() }}
),

first_paid as (
    select
        trials.subscription_id,
        {{ days_between('trials.start_date', 'min(paid.start_date)') }} as days_to_paid
    from trials
    inner join {{ ref('dim_subscriptions') }} as paid
        on trials.user_id = paid.user_id and trials.start_date <= paid.start_date
    where
        paid.mrr > 0
        and paid.start_date <= {{ as_of_date() }}
        and (paid.end_date is null or paid.start_date < paid.end_date)
    group by trials.subscription_id, trials.start_date
),

trial_months as (
    select
        {{ month_start('trials.start_date') }} as month_key,
        count(*) as trials_started,
        {%- for days in [30, 60, 90] %}
        count(case when first_paid.days_to_paid <= {{ days }} then 1 end) as converted_within_{{ days }},
        {%- endfor %}
        count(first_paid.days_to_paid) as trials_converted
    from trials
    left join first_paid on trials.subscription_id = first_paid.subscription_id
    group by {{ month_start('trials.start_date') }}
),

conversion as (
    select
        month_key,
        trials_started,
        trials_converted,
        {{ ratio('trials_converted', 'trials_started') }} as conversion_rate,
        {%- for days in [30, 60, 90] %}
        case
            when {{ add_days(next_month('month_key'), days) }} <= {{ first_open_day() }}
                then {{ ratio('converted_within_' ~ days, 'trials_started') }}
        end as conversion_rate_{{ days }},
        {%- endfor %}
        {{ is_complete_month('month_key') }} as is_complete
    from trial_months
)

select * from conversion
