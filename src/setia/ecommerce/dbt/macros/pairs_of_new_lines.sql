{#- A query: the customers and products to whose rows of int_customer_products lines came: in a rebuilt day or after it, or, where
    a build since the last good one was as of a later instant than this one, in days that were before its window. -#}
{% macro pairs_of_new_lines() -%}
    {%- set latest = var('builds_since', {}).get('latest', '9999-01-01 00:00:00+00:00') -%}
    {%- set as_of = modules.datetime.datetime.fromisoformat(as_of_text()) -%}
    select
        lines.customer_id,
        lines.product_id
    from {{ ref('int_order_lines') }} as lines
    where
        lines.order_date >= {{ affinity_begins(as_of) }}
        and (
            {{ after_rebuilt_days_began('lines.order_date') }}
            or lines.order_date < {{ affinity_begins(modules.datetime.datetime.fromisoformat(latest)) }}
        )
{%- endmacro %}
