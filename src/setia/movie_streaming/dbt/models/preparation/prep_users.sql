{#-
Grain: one row per user.
Question: who signed up, with every text in one spelling? Names and emails go no further than here.
No row hangs on as_of: only those of noted users are built anew.
-#}
{%- set any_day = "date '0001-01-01'" -%}
{{ config(**by_user(day=any_day, because_of='users')) }}
with living_users as (
    select *
    from {{ source('raw', 'raw_users') }}
    {{ seeded('raw_users') }}
    where _deleted_at is null and {{ is_rebuilt_user(day=any_day, because_of='users') }}
),

cleaned_users as (
    select
        user_id,
        {{ title_case('name') }} as name,
        lower({{ clean_text('email') }}) as email,
        {{ title_case('country') }} as country,
        {{ title_case('city') }} as city,
        join_date,
        lower({{ clean_text('subscription_status') }}) as subscription_status,
        updated_at,
        _loaded_at,
        _batch_id
    from living_users
),

users_with_flags as (
    select
        user_id,
        name,
        email,
        coalesce({{ matches('email', '^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$') }}, false) as has_valid_email,
        case when length(country) = 2 then upper(country) else country end as country,
        city,
        join_date,
        subscription_status,
        updated_at,
        _loaded_at,
        _batch_id
    from cleaned_users
)

select * from users_with_flags
