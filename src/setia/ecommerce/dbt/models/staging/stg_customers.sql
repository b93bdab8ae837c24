{#- Grain: one row a customer account. Question: who are the customers, with clean contact data?
    A bad email is flagged, never a reason to lose the person and their orders. -#}
{% set as_of = modules.datetime.datetime.fromisoformat(as_of_text()) -%}
{% set two_days_before = instant(as_of - modules.datetime.timedelta(days=2)) -%}
with source as (
    select * from {{ source('raw', 'raw_customers') }}
    {{ seeded('raw_customers') }}
    where
        _deleted_at is null
        -- The day of an instant is told at 170 ns, and is before that of as_of two days before it in any zone.
        and (
            created_at is null
            or created_at < {{ two_days_before }}
            or {{ local_date('created_at') }} <= {{ as_of_date() }}
        )
),

cleaned as (
    select
        customer_id,
        lower({{ clean_text('email') }}) as email,
        {{ title_case('first_name') }} as first_name,
        {{ title_case('last_name') }} as last_name,
        upper({{ clean_text('country') }}) as country,
        {{ title_case('city') }} as city,
        marketing_consent,
        {{ local_date('created_at') }} as customer_created_at,
        _loaded_at as dbt_loaded_at,
        coalesce(_batch_id, 0) as batch_id
    from source
),

flagged as (
    select
        customer_id,
        email,
        first_name,
        last_name,
        country,
        case
            when country = 'UK' then 'GB'
            when length(country) = 2 then country
        end as country_code,
        city,
        marketing_consent,
        customer_created_at,
        coalesce({{ matches('email', '^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$') }}, false) as is_valid_email,
        dbt_loaded_at,
        batch_id
    from cleaned
)

select * from flagged
