{#- Each prepared session is counted in exactly one month of one user. -#}
with published as (
    select coalesce(sum(total_sessions), 0) as sessions
    from {{ ref('mart_user_activity_monthly') }}
),

prepared as (
    select count(*) as sessions
    from {{ ref('prep_watch_sessions') }}
),

differences as (
    select
        published.sessions as published_sessions,
        prepared.sessions as prepared_sessions
    from published
    cross join prepared
    where published.sessions != prepared.sessions
)

select * from differences
