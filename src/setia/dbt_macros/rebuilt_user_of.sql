{#- SQL: whether a user is one of those that `setia transform` says may have changed. -#}
{% macro rebuilt_user_of(column) -%}
    {{ column }} in (select user_id from {{ source('raw', '_rebuilt_users') }})
{%- endmacro %}
