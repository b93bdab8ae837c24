{#- SQL: whether a DATE is in one of several spans, pairs of the first day and the day after. -#}
{% macro in_spans(column, spans) -%}
    {%- set conditions = [] -%}
    {%- for first, after in spans -%}
        {%- do conditions.append(column ~ " >= date '" ~ first ~ "' and " ~ column ~ " < date '" ~ after ~ "'") -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') }})
{%- endmacro %}
