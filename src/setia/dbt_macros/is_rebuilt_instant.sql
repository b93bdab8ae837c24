{#- SQL: whether an instant is in a local month that is built in this run; bounds, which blocks of a table can be
    passed over by. -#}
{% macro is_rebuilt_instant(column) -%}
    {%- if not is_increment() -%}true
    {%- else -%}
    {%- set zone = modules.pytz.timezone(reporting_timezone()) -%}
    {%- set conditions = [] -%}
    {%- for month in var('rebuilt_months') -%}
        {%- set first = modules.datetime.datetime.fromisoformat(month) -%}
        {%- set after = (first + modules.datetime.timedelta(days=31)).replace(day=1) -%}
        {%- do conditions.append(
            column ~ " >= " ~ instant(zone.localize(first)) ~ " and " ~ column ~ " < " ~ instant(zone.localize(after))
        ) -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') }})
    {%- endif -%}
{%- endmacro %}
