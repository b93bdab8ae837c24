{#- A DATE that many days later; a negative number goes back. -#}
{% macro add_days(date_expr, n) %}{{ return(adapter.dispatch('add_days')(date_expr, n)) }}{% endmacro %}

{% macro default__add_days(date_expr, n) %}({{ date_expr }} + cast({{ n }} as integer)){% endmacro %}

{% macro bigquery__add_days(date_expr, n) %}date_add({{ date_expr }}, interval {{ n }} day){% endmacro %}
