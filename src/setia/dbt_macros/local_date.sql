{#- The DATE of an instant in the reporting time zone. -#}
{% macro local_date(ts) %}{{ return(adapter.dispatch('local_date')(ts)) }}{% endmacro %}

{% macro default__local_date(ts) %}cast({{ ts }} at time zone '{{ reporting_timezone() }}' as date){% endmacro %}

{% macro bigquery__local_date(ts) %}date({{ ts }}, '{{ reporting_timezone() }}'){% endmacro %}
