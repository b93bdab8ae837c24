{#- Grain: one row a customer account. Question: which accounts are one person's?
    Accounts with the same valid email, cleaned and in lower case, are one person, named by the smallest customer_id;
    an account without a valid email is a person of its own. -#}
with accounts as (
    select
        customer_id,
        case when is_valid_email then email end as valid_email
    from {{ ref('stg_customers') }}
),

emails as (
    select
        valid_email,
        min(customer_id) as person_id
    from accounts
    where valid_email is not null
    group by valid_email
),

persons as (
    select
        accounts.customer_id,
        coalesce(emails.person_id, accounts.customer_id) as person_id
    from accounts
    left join emails on accounts.valid_email = emails.valid_email
)

select * from persons
