{#- Whole microseconds from the first instant to the later one, an integer; not a count of boundaries. -#}
{% macro microseconds_between(first_instant, later_instant) %}{{ return(adapter.dispatch('microseconds_between')(first_instant, later_instant)) }}{% endmacro %}

{% macro default__microseconds_between(first_instant, later_instant) %}(epoch_us({{ later_instant }}) - epoch_us({{ first_instant }})){% endmacro %}

{% macro bigquery__microseconds_between(first_instant, later_instant) %}timestamp_diff({{ later_instant }}, {{ first_instant }}, microsecond){% endmacro %}
