{#- The sample standard deviation from a number of values, their sum and the sum of their squares, to four decimals; NULL
    under two. The sums are exact, so that it does not hang on the order of the values. -#}
{% macro deviation(number, total, squares) -%}
    round(sqrt(greatest(
        0,
        (cast({{ squares }} as {{ type_double() }}) - {{ ratio(total, number) }} * cast({{ total }} as {{ type_double() }}))
        / nullif({{ number }} - 1, 0)
    )), 4)
{%- endmacro %}
