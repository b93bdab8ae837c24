{#- The config of a model whose rows belong to local days, and hang on no other day: a table; or, when `setia transform`
    says which days may have changed, those anew, the query being bounded by in_rebuilt_days then. `onward`: all from so
    many days before the first of those days on, and bounded by from_rebuilt_days. -#}
{% macro by_day(column, onward=none) %}
    {%- set rebuilt = "in_rebuilt_days('" ~ column ~ "')" if onward is none
        else "from_rebuilt_days('" ~ column ~ "', " ~ onward ~ ")" -%}
    {%- set config = incremental_where([rebuilt]) -%}
    {%- do config.update({
        'partition_by': bq_partition(column),
        'meta': {'built_by_day_of': column, 'onward': onward},
    }) -%}
    {{ return(config) }}
{% endmacro %}
