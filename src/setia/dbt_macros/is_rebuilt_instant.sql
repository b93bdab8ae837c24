{#- SQL: whether an instant is in a local month, or a local day, that is built in this run. -#}
{% macro is_rebuilt_instant(column, by='month') -%}
    {%- if not is_increment() -%}{{ return('true') }}{%- endif -%}
    {{ instant_in_spans(column, rebuilt_spans() if by == 'month' else rebuilt_day_spans()) }}
{%- endmacro %}
