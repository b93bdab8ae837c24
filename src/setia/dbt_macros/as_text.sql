{#- Any value as a string; keys need it before they are concatenated. -#}
{% macro as_text(expr) %}cast({{ expr }} as {{ dbt.type_string() }}){% endmacro %}
