{#- a / b as a 64-bit float; NULL when b is 0, never infinite. -#}
{% macro ratio(a, b) %}(cast({{ a }} as {{ type_double() }}) / nullif(cast({{ b }} as {{ type_double() }}), 0)){% endmacro %}
