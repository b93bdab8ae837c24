{#- Minutes as they are stored, to four decimals. -#}
{% macro minutes(expr) %}cast({{ expr }} as {{ type_minutes() }}){% endmacro %}
