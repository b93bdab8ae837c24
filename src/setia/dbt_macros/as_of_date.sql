{#- SQL for the last local day that a run covers, a DATE. -#}
{% macro as_of_date() %}
    {%- set instant = modules.datetime.datetime.fromisoformat(as_of_text()) -%}
    {%- set last_covered = instant - modules.datetime.timedelta(microseconds=1) -%}
    {%- set local = last_covered.astimezone(modules.pytz.timezone(reporting_timezone())) -%}
    {{ return("date '" ~ local.strftime('%Y-%m-%d') ~ "'") }}
{% endmacro %}
