{#- SQL: whether a user is one of those that this run built, for a test: the others were tested when they were built. -#}
{% macro is_tested_user(column) -%}
    {{ 'true' if var('rebuilt_months', none) is none or flags.FULL_REFRESH else rebuilt_user_of(column) }}
{%- endmacro %}
