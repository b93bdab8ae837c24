{#- Grain: one row a customer account. Question: which accounts are one person's?
    Accounts with the same valid email, cleaned and in lower case, are one person, named by the smallest customer_id;
    an account without a valid email is a person of its own. -#}
with persons as (
    select
        customer_id,
        case
            when is_valid_email then min(customer_id) over (partition by email, is_valid_email)
            else customer_id
        end as person_id
    from {{ ref('stg_customers') }}
)

select * from persons
