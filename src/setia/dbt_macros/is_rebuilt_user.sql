{#- SQL: whether a user is one of those who are built in this run. -#}
{% macro is_rebuilt_user(column='user_id') -%}
    {{ rebuilt_user_of(column) if is_increment() else 'true' }}
{%- endmacro %}
