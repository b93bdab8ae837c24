{#- A query: columns of what each customer bought, in parts that add up: the past in one row, and the months after it. -#}
{% macro customer_history(columns) -%}
    select
        customer_id,
        {{ columns | join(', ') }}
    from {{ ref('int_customer_past') }}
    union all
    select
        customer_id,
        {{ columns | join(', ') }}
    from {{ ref('int_customer_months') }}
    where month_key >= date '{{ past_ends() }}'
{%- endmacro %}
