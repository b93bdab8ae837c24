{#- The spans of days of the variable rebuilt_days, or of rebuilt_months where it is not given: pairs of the first day and
    the day after, Python dates. -#}
{% macro rebuilt_day_spans() -%}
    {%- if var('rebuilt_days', none) is none -%}{{ return(rebuilt_spans()) }}{%- endif -%}
    {%- set spans = [] -%}
    {%- for first, after in var('rebuilt_days') -%}
        {%- do spans.append((modules.datetime.date.fromisoformat(first), modules.datetime.date.fromisoformat(after))) -%}
    {%- endfor -%}
    {{ return(spans) }}
{%- endmacro %}
