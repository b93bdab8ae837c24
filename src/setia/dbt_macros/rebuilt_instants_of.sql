{#- SQL: whether an instant is in one of the local months of the variable rebuilt_months; with bounds a day wider on
    either side, by which blocks of a table can be passed over whatever a zone does at midnight. -#}
{% macro rebuilt_instants_of(column) -%}
    {%- set a_day = modules.datetime.timedelta(days=1) -%}
    {%- set conditions = [] -%}
    {%- for month in var('rebuilt_months') -%}
        {%- set first = modules.datetime.datetime.fromisoformat(month ~ ' 00:00:00+00:00') -%}
        {%- set after = (first + modules.datetime.timedelta(days=31)).replace(day=1) -%}
        {%- do conditions.append(
            column ~ " >= " ~ instant(first - a_day) ~ " and " ~ column ~ " < " ~ instant(after + a_day)
        ) -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') }}) and {{ rebuilt_months_of(local_date(column)) }}
{%- endmacro %}
