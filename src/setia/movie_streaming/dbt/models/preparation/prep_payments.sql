{#-
Grain: one row per attempt to charge a subscription, made before as_of.
Question: what was charged, when in the reporting zone, and how did it end?
-#}
{#- A payment has its subscription's user, or none: those are built each time. -#}
{{ config(**incremental_where(["'user_id is null or ' ~ is_rebuilt_user(day='local_payment_date')"])) }}
with living_payments as (
    select *
    from {{ source('raw', 'raw_payments') }}
    {{ seeded('raw_payments') }}
    where
        _deleted_at is null
        and payment_date < {{ as_of() }}
        and (user_id is null or {{ is_rebuilt_user(day='payment_date', is_instant=true) }})
),

cleaned_payments as (
    select
        payment_id,
        user_id,
        subscription_id,
        {{ label('method') }} as method,
        amount,
        payment_date,
        {{ local_date('payment_date') }} as local_payment_date,
        lower({{ clean_text('status') }}) as status,
        period_start,
        period_end,
        upper({{ clean_text('currency') }}) as currency,
        {{ label('failure_code') }} as failure_code,
        coalesce(refunded_amount, 0) as refunded_amount,
        {{ microseconds_between('payment_date', 'updated_at') }} > 86400000000 as is_late,
        updated_at,
        _loaded_at,
        _batch_id
    from living_payments
)

select * from cleaned_payments
