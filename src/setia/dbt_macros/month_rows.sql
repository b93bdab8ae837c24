{#- A query: one row (month_key, a DATE) for each month from one column to another of a relation; of one row, or of
    many with their key. -#}
{% macro month_rows(relation, first_month, last_month, key=none) %}{{ return(adapter.dispatch('month_rows')(relation, first_month, last_month, key)) }}{% endmacro %}

{% macro default__month_rows(relation, first_month, last_month, key) -%}
    select
        {{ key ~ ',' if key }}
        cast(unnest(generate_series({{ first_month }}, {{ last_month }}, interval 1 month)) as date) as month_key
    from {{ relation }}
{%- endmacro %}

{% macro bigquery__month_rows(relation, first_month, last_month, key) -%}
    select
        {{ key ~ ',' if key }}
        month_key
    from {{ relation }}
    cross join unnest(generate_date_array({{ first_month }}, {{ last_month }}, interval 1 month)) as month_key
{%- endmacro %}
