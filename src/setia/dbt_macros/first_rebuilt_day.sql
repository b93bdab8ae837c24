{#- The first day that is built in this run, a Python date. -#}
{% macro first_rebuilt_day() %}{{ return((rebuilt_day_spans() | first)[0]) }}{% endmacro %}
