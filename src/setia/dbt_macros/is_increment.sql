{#- is_incremental(), usable where dbt compiles without a connection; there the variable assume_increment decides. -#}
{% macro is_increment() %}
    {{ return(is_incremental() if flags.INTROSPECT else var('assume_increment', false)) }}
{% endmacro %}
