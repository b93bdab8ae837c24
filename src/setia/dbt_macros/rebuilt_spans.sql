{#- The spans of days of the variable rebuilt_months, each month with so many days before it: pairs of the first
    day and the day after. Months that touch are one span, so that blocks of a table can be passed over. -#}
{% macro rebuilt_spans(days_before=0) -%}
    {%- set spans = [] -%}
    {%- for month in var('rebuilt_months') -%}
        {%- set first = modules.datetime.date.fromisoformat(month) -%}
        {%- set after = (first + modules.datetime.timedelta(days=31)).replace(day=1) -%}
        {%- set from_day = first - modules.datetime.timedelta(days=days_before) -%}
        {%- if spans and from_day <= spans[-1][1] -%}{%- set from_day = spans.pop()[0] -%}{%- endif -%}
        {%- do spans.append((from_day, after)) -%}
    {%- endfor -%}
    {{ return(spans) }}
{%- endmacro %}
