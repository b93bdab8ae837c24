{#- Grain: one row a customer. Question: the same as fct_customer_metrics, writing only the customers who changed.
    Who changed: whose row is not stored just so; as every row says the instant that it speaks of, another as_of is all. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'delete+insert',
    unique_key='customer_id',
    on_schema_change='fail',
    pre_hook="{% if is_increment() %}delete from {{ this }} where dbt_updated_at <> {{ as_of() }}
        or customer_id not in (select customer_id from {{ ref('fct_customer_metrics') }}){% endif %}"
) }}

with customer_profile as (
    select * from {{ ref('fct_customer_metrics') }}
),

changed_customers as (
    select * from customer_profile {{ without_rows_of(this) if is_increment() }}
)

select * from changed_customers
