{#- A Python date, the first day of a month: int_customer_past has what was before it. Four whole months lie between it and
    the month of the last day that an instant (a datetime; that of as_of) covers: what changes in them, or in the running
    month, leaves the past as it is. -#}
{% macro past_ends(instant=none) %}
    {%- set instant = instant or modules.datetime.datetime.fromisoformat(as_of_text()) -%}
    {%- set local = (instant - modules.datetime.timedelta(microseconds=1)).astimezone(modules.pytz.timezone(reporting_timezone())) -%}
    {%- set months = local.year * 12 + local.month - 1 - 4 -%}
    {{ return(modules.datetime.date(months // 12, months % 12 + 1, 1)) }}
{% endmacro %}
