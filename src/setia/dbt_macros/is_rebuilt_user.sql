{#- SQL: whether a row's user is one of those who are built in this run; the arguments are those of rebuilt_user_of. -#}
{% macro is_rebuilt_user(column='user_id', day=none, because_of=none, is_instant=false) -%}
    {{ rebuilt_user_of(column, day, because_of, is_instant) if is_increment() else 'true' }}
{%- endmacro %}
