{#- The config of a model whose rows belong to users, and hang on their rows of any month: a table; or, when `setia
    transform` says what may have changed, the users of `_rebuilt_users` anew: all of their rows, or, with the DATE `day`
    of a row, those that is_rebuilt_user tells by it. `month`: the DATE by which rows hang on the rebuilt months, too;
    `onward`: on those and on all that follow. The query is bounded by is_rebuilt_user with the same arguments then, or
    in_rebuilt_months or from_rebuilt_months. -#}
{% macro by_user(column='user_id', day=none, because_of=none, month=none, onward=false) %}
    {%- set rebuilt = ["is_rebuilt_user(*" ~ [column, day, because_of] ~ ")"] -%}
    {%- if month -%}
        {%- do rebuilt.append(("from" if onward else "in") ~ "_rebuilt_months('" ~ month ~ "')") -%}
    {%- endif -%}
    {{ return(incremental_where([rebuilt | join(" ~ ' or ' ~ ")])) }}
{% endmacro %}
