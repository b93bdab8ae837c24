{#- A query giving every day from one DATE column of a one-row relation to another, as date_key. -#}
{% macro each_day(bounds, first_day, last_day) %}{{ return(adapter.dispatch('each_day')(bounds, first_day, last_day)) }}{% endmacro %}

{% macro default__each_day(bounds, first_day, last_day) -%}
select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as date_key
    from {{ bounds }}
{%- endmacro %}

{% macro bigquery__each_day(bounds, first_day, last_day) -%}
select date_key
    from {{ bounds }}
    cross join unnest(generate_date_array({{ first_day }}, {{ last_day }})) as date_key
{%- endmacro %}
