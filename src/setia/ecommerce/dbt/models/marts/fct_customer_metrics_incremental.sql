{#- Grain: one row a customer. Question: the same as fct_customer_metrics, writing only the customers who changed.
    Who changed: a row of theirs is new, changed or gone, or the stored row speaks of another as_of or zone. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='customer_id',
    on_schema_change='fail',
    post_hook="{% if is_increment() %}delete from {{ this }} where customer_id not in (select customer_id from {{ ref('stg_customers') }}){% endif %}"
) }}

with changed_sources as (
    select sources.*
    from {{ ref('int_customer_sources') }} as sources
    {% if is_increment() -%}
    left join {{ this }} as stored on sources.customer_id = stored.customer_id
    where
        stored.customer_id is null
        or stored.dbt_updated_at <> {{ as_of() }}
        or stored._timezone <> '{{ reporting_timezone() }}'
        or stored._last_batch_id <> sources._last_batch_id
        or stored._source_rows <> sources._source_rows
    {%- endif %}
),

customer_profile as (
    select
        {{ customer_metrics() }}
    from {{ ref('stg_customers') }} as customers
    left join {{ ref('int_customer_rfm') }} as rfm on customers.customer_id = rfm.customer_id
    inner join changed_sources as sources on customers.customer_id = sources.customer_id
)

select * from customer_profile
