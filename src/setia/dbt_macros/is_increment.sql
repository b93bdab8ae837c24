{#- is_incremental(), usable where dbt compiles without a connection (there the variable assume_increment decides) and
    in unit tests, whose model is no table. -#}
{% macro is_increment() %}
    {%- if not flags.INTROSPECT -%}{{ return(var('assume_increment', false)) }}{%- endif -%}
    {{ return(this is not none and model.resource_type != 'unit_test' and is_incremental()) }}
{% endmacro %}
