{#- SQL: whether a DATE is in a month that this run built, for a test: the others were tested when they were built. -#}
{% macro in_tested_months(column, onward=none) -%}
    {%- if var('rebuilt_months', none) is none or flags.FULL_REFRESH -%}true
    {%- elif onward is none -%}{{ rebuilt_months_of(column) }}
    {%- else -%}{{ after_rebuilt_months_began(column, onward) }}
    {%- endif -%}
{%- endmacro %}
