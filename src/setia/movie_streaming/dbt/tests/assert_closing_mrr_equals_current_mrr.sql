{#- The last closing is the sum of what the users pay at as_of, by dim_users. -#}
with last_month as (
    select
        closing_mrr,
        closing_customers
    from {{ ref('mart_subscriber_movements_monthly') }}
    where month_key = {{ month_start(as_of_date()) }}
),

users as (
    select
        sum(current_mrr) as current_mrr,
        count(case when is_subscriber then 1 end) as subscribers
    from {{ ref('dim_users') }}
),

differences as (
    select *
    from last_month
    cross join users
    where
        last_month.closing_mrr != users.current_mrr
        or last_month.closing_customers != users.subscribers
)

select * from differences
