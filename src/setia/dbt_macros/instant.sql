{#- SQL of an instant, given as a Python datetime with its zone. -#}
{% macro instant(value) %}{{ return(adapter.dispatch('instant')(value)) }}{% endmacro %}

{% macro default__instant(value) %}timestamp '{{ value.isoformat() }}'{% endmacro %}

{% macro duckdb__instant(value) %}cast('{{ value.isoformat() }}' as timestamp with time zone){% endmacro %}
