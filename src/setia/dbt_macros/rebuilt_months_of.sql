{#- SQL: whether a DATE is in one of the months of the variable rebuilt_months, or at most so many days before one. -#}
{% macro rebuilt_months_of(column, days_before=0) -%}
    {%- set conditions = [] -%}
    {%- for month in var('rebuilt_months') -%}
        {%- set first = modules.datetime.date.fromisoformat(month) -%}
        {%- set after = (first + modules.datetime.timedelta(days=31)).replace(day=1) -%}
        {%- set from_day = first - modules.datetime.timedelta(days=days_before) -%}
        {%- do conditions.append(
            column ~ " >= date '" ~ from_day ~ "' and " ~ column ~ " < date '" ~ after ~ "'"
        ) -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') }})
{%- endmacro %}
