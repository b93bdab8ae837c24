{#- SQL: whether a DATE is in a month that this run built, for a test: the others were tested when they were built. -#}
{% macro in_tested_months(column) -%}
    {{ 'true' if var('rebuilt_months', none) is none or flags.FULL_REFRESH else rebuilt_months_of(column) }}
{%- endmacro %}
