{#- SQL: whether a row's user is one of those who are built in this run. `day`: a DATE of the row, or with
    is_instant the instant whose local day counts; only from the variable rebuilt_users_since on are all of them built,
    before it those whose whole past may have changed. `because_of`: the one table whose changes count. -#}
{% macro is_rebuilt_user(column='user_id', day=none, because_of=none, is_instant=false) -%}
    {%- if not is_increment() -%}{{ return('true') }}{%- endif -%}
    {%- set users = "(select user_id from " ~ source('raw', '_rebuilt_users') ~ " where "
        ~ ("table_name = '" ~ because_of ~ "'" if because_of else "true") -%}
    {%- if day is none -%}{{ return(column ~ " in " ~ users ~ ")") }}{%- endif -%}
    {%- set since = modules.datetime.date.fromisoformat(var('rebuilt_users_since')) -%}
    {%- set of_late = instant_in_spans(day, [(since, modules.datetime.date(9999, 12, 30))]) if is_instant else day ~ " >= date '" ~ since ~ "'" -%}
    ({{ column }} in {{ users }} and is_whole) or ({{ of_late }} and {{ column }} in {{ users }})))
{%- endmacro %}
