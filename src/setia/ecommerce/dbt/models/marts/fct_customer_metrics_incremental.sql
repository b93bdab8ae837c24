{#- Grain: one row a customer. Question: the same as fct_customer_metrics, writing only the customers who changed.
    Who changed: whose row is not stored just so; as every row says the instant that it speaks of, another as_of is all.
    Those are deleted before, and who is not there is written. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'append',
    on_schema_change='fail',
    pre_hook=[
        "{% if is_increment() %}delete from {{ this }} where dbt_updated_at <> {{ as_of() }}{% endif %}",
        "{% if is_increment() %}delete from {{ this }} where customer_id in (select customer_id from (select * from {{ this }} "
        ~ "{{ without_rows_of(ref('fct_customer_metrics')) }}) as changed){% endif %}",
    ]
) }}

with customer_profile as (
    select * from {{ ref('fct_customer_metrics') }}
),

changed_customers as (
    select * from customer_profile
    {% if is_increment() -%}
    where customer_id not in (select customer_id from {{ this }})
    {%- endif %}
)

select * from changed_customers
