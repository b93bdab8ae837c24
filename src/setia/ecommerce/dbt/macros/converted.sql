{#- An amount in the reporting currency, rounded by itself, so that what is made of rounded parts adds up. -#}
{% macro converted(amount_expr, rate) -%}
    case when {{ rate }} = 1 then {{ amount_expr }} else {{ amount(money(amount_expr, 4) ~ ' * ' ~ rate) }} end
{%- endmacro %}
