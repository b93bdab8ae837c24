{#- Grain: one row a customer. Question: the same as fct_customer_metrics, writing only the customers who changed.
    Who changed: whose row is not stored just so; as every row says the instant that it speaks of, another as_of is all. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'delete+insert',
    unique_key='customer_id',
    on_schema_change='fail',
    post_hook="{% if is_increment() %}delete from {{ this }} where customer_id not in (select customer_id from {{ ref('stg_customers') }}){% endif %}"
) }}

with customer_profile as (
    select
        {{ customer_metrics() }}
    from {{ ref('stg_customers') }} as customers
    inner join {{ ref('int_customer_persons') }} as persons on customers.customer_id = persons.customer_id
    left join {{ ref('int_customer_rfm') }} as rfm on customers.customer_id = rfm.customer_id
    left join {{ ref('int_customer_cadence') }} as cadence on customers.customer_id = cadence.customer_id
),

changed_customers as (
    select * from customer_profile
    {% if is_increment() -%}
    except distinct
    select * from {{ this }}
    {%- endif %}
)

select * from changed_customers
