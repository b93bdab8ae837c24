{#- SQL of a DATE: the first day of the affinity_days (365) that end with the last local day before an instant (a datetime). -#}
{% macro affinity_begins(instant) -%}
    {%- set last_covered = instant - modules.datetime.timedelta(microseconds=1) -%}
    {%- set day = last_covered.astimezone(modules.pytz.timezone(reporting_timezone())).date() -%}
    date '{{ day - modules.datetime.timedelta(days=(var('affinity_days') | int) - 1) }}'
{%- endmacro %}
