{#- SQL for the local day in which the instant as_of falls: every day before it is covered whole. -#}
{% macro first_open_day() %}
    {%- set instant = modules.datetime.datetime.fromisoformat(as_of_text()) -%}
    {%- set local = instant.astimezone(modules.pytz.timezone(reporting_timezone())) -%}
    {{ return("date '" ~ local.strftime('%Y-%m-%d') ~ "'") }}
{% endmacro %}
