{#- SQL for the instant that a run speaks of: an exclusive upper bound on event instants. -#}
{% macro as_of() %}{{ return(adapter.dispatch('as_of')()) }}{% endmacro %}

{% macro default__as_of() %}timestamp '{{ as_of_text() }}'{% endmacro %}

{% macro duckdb__as_of() %}cast('{{ as_of_text() }}' as timestamp with time zone){% endmacro %}
