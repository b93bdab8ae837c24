{#- The config of a model whose rows belong to users, and hang on their rows of any month: a table; or, when `setia
    transform` says what may have changed, the users of `_rebuilt_users` anew. `month`: the DATE by which rows hang on
    the rebuilt months, too; `onward`: on those and on all that follow. The query is bounded by is_rebuilt_user then,
    or in_rebuilt_months or from_rebuilt_months. -#}
{% macro by_user(column='user_id', month=none, onward=false) %}
    {%- set config = {
        'materialized': 'table',
        'meta': {'built_by_user_of': column, 'built_by_month_of': month, 'onward': 0 if onward else none},
    } -%}
    {%- if var('rebuilt_months', none) is none -%}{{ return(config) }}{%- endif -%}
    {%- set rebuilt = ["is_rebuilt_user('" ~ column ~ "')"] -%}
    {%- if month -%}
        {%- do rebuilt.append(("from" if onward else "in") ~ "_rebuilt_months('" ~ month ~ "')") -%}
    {%- endif -%}
    {%- set conditions = "{{ " ~ rebuilt | join(" }} or {{ ") ~ " }}" -%}
    {%- do config.update({
        'materialized': 'incremental',
        'incremental_strategy': 'merge' if target.type == 'bigquery' else 'append',
        'pre_hook': "{% if is_increment() %}delete from {{ this }} where " ~ conditions ~ "{% endif %}",
    }) -%}
    {{ return(config) }}
{% endmacro %}
