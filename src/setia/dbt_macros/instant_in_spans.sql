{#- SQL: whether an instant is in one of several spans of local days, pairs of the first and the day after; with bounds a day
    wider on either side, by which blocks of a table can be passed over whatever a zone does at midnight. -#}
{% macro instant_in_spans(column, spans) -%}
    {%- set a_day = modules.datetime.timedelta(days=1) -%}
    {%- set conditions = [] -%}
    {%- for first, after in spans -%}
        {%- set from_instant = modules.datetime.datetime.fromisoformat((first - a_day) ~ ' 00:00:00+00:00') -%}
        {%- set to_instant = modules.datetime.datetime.fromisoformat((after + a_day) ~ ' 00:00:00+00:00') -%}
        {%- do conditions.append(
            column ~ " >= " ~ instant(from_instant) ~ " and " ~ column ~ " < " ~ instant(to_instant)
        ) -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') }}) and {{ in_spans(local_date(column), spans) }}
{%- endmacro %}
