{#- A score from 5 (the first bound holds) down to 1 (none does), by the tutorial's fixed bounds. -#}
{% macro score(expr, operator, bounds) -%}
    case
        {%- for bound in bounds %}
        when {{ expr }} {{ operator }} {{ bound }} then {{ 5 - loop.index0 }}
        {%- endfor %}
        when {{ expr }} is not null then 1
    end
{%- endmacro %}
