{#- SQL: whether a row's user is one of those that this run built, for a test: the others were tested when they were built.
    The arguments are those of rebuilt_user_of. -#}
{% macro is_tested_user(column, day=none, because_of=none) -%}
    {%- set is_all = var('rebuilt_months', none) is none or flags.FULL_REFRESH -%}
    {{ 'true' if is_all else rebuilt_user_of(column, day, because_of) }}
{%- endmacro %}
