{#- SQL: whether an instant is in a local month that is built in this run. -#}
{% macro is_rebuilt_instant(column) -%}
    {{ rebuilt_instants_of(column) if is_increment() else 'true' }}
{%- endmacro %}
