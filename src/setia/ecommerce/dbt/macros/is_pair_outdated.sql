{#- SQL: whether a row of int_customer_products may have lines in a rebuilt day, or lines that have left the window. -#}
{% macro is_pair_outdated() -%}
    {%- set as_of = modules.datetime.datetime.fromisoformat(as_of_text()) -%}
    {{ after_rebuilt_days_began('last_line_date') }} or first_line_date < {{ affinity_begins(as_of) }}
{%- endmacro %}
