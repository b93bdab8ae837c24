{#- SQL: whether a DATE is a day that this run built, for a test: the others were tested when they were built. `onward`: or
    at most so many days before the first, or after it. `instant`: the column is an instant, of a view that models by day read. -#}
{% macro in_tested_days(column, onward=none, instant=false) -%}
    {%- if var('rebuilt_months', none) is none or flags.FULL_REFRESH -%}true
    {%- elif instant -%}{{ instant_in_spans(column, rebuilt_day_spans()) }}
    {%- elif onward is none -%}{{ in_spans(column, rebuilt_day_spans()) }}
    {%- else -%}{{ after_rebuilt_days_began(column, onward) }}
    {%- endif -%}
{%- endmacro %}
