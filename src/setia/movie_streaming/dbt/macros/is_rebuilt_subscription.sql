{#- SQL: whether a subscription may be one of a user who is built in this run: all are that are not known to be another's. -#}
{% macro is_rebuilt_subscription(column) -%}
    {%- if not is_increment() -%}{{ return('true') }}{%- endif -%}
    coalesce({{ column }} not in (
        select subscription_id from {{ ref('prep_subscriptions') }}
        where user_id not in (select user_id from {{ source('raw', '_rebuilt_users') }})
    ), true)
{%- endmacro %}
