{#- SQL: whether a DATE is in one of the months of the variable rebuilt_months, or at most so many days before one. -#}
{% macro rebuilt_months_of(column, days_before=0) -%}
    {{ in_spans(column, rebuilt_spans(days_before)) }}
{%- endmacro %}
