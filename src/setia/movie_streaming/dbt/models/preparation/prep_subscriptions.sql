{#-
Grain: one row per period of one plan of one user.
Question: what did each period promise, in one spelling and with the defaults stated?
A period is not an event: one that starts after as_of stays and is 'scheduled' in dim_subscriptions,
since a payment made before may already name it. So no row hangs on as_of: only those of noted users are built anew.
-#}
{%- set any_day = "date '0001-01-01'" -%}
{{ config(**by_user(day=any_day, because_of='subscriptions')) }}
with living_subscriptions as (
    select *
    from {{ source('raw', 'raw_subscriptions') }}
    {{ seeded('raw_subscriptions') }}
    where _deleted_at is null and {{ is_rebuilt_user(day=any_day, because_of='subscriptions') }}
),

cleaned_subscriptions as (
    select
        subscription_id,
        user_id,
        {{ title_case('plan_type') }} as plan_type,
        start_date,
        end_date,
        price,
        replace(lower({{ clean_text('status') }}), 'cancelled', 'canceled') as status,
        coalesce(lower({{ clean_text('billing_interval') }}), 'month') as billing_interval,
        upper({{ clean_text('currency') }}) as currency,
        coalesce(discount_amount, 0) as discount_amount,
        is_trial,
        auto_renew,
        canceled_at,
        {{ label('cancel_reason') }} as cancel_reason,
        updated_at,
        _loaded_at,
        _batch_id
    from living_subscriptions
),

subscriptions_with_flags as (
    select
        subscription_id,
        user_id,
        plan_type,
        start_date,
        end_date,
        price,
        status,
        billing_interval,
        currency,
        discount_amount,
        coalesce(is_trial, false) or status = 'trial' as is_trial,
        auto_renew,
        canceled_at,
        cancel_reason,
        updated_at,
        _loaded_at,
        _batch_id
    from cleaned_subscriptions
)

select * from subscriptions_with_flags
