{#- SQL: whether a row's batch came since the last good build, for a test: the rows of others were tested when they came. -#}
{% macro in_tested_batches(column) -%}
    {%- set since = var('builds_since', none) -%}
    {{ 'true' if since is none or flags.FULL_REFRESH else column ~ ' > ' ~ since['batch_id'] }}
{%- endmacro %}
