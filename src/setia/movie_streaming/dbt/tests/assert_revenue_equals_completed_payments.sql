{#- The mart's revenue is the sum of the completed payments, to the last decimal, and no attempt is lost. -#}
with published as (
    select
        coalesce(sum(total_amount), 0) as revenue,
        coalesce(sum(total_payments), 0) as attempts
    from {{ ref('mart_subscription_revenue_monthly') }}
),

prepared as (
    select
        coalesce(sum(case when status = 'completed' then amount end), 0) as revenue,
        count(*) as attempts
    from {{ ref('prep_payments') }}
),

differences as (
    select
        published.revenue as published_revenue,
        prepared.revenue as prepared_revenue,
        published.attempts as published_attempts,
        prepared.attempts as prepared_attempts
    from published
    cross join prepared
    where published.revenue != prepared.revenue or published.attempts != prepared.attempts
)

select * from differences
