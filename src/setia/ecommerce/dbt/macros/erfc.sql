{#- The complementary error function for a column of at least 0, which neither engine has: the Chebyshev fit of Press
    et al., Numerical Recipes, 2nd edition, 6.2. Relative error below 1.2e-7 everywhere, also far out, where an absolute
    bound (Abramowitz and Stegun 7.1.26: 1.5e-7) would leave nothing of a small p-value. A sum of powers, since
    BigQuery's analyzer reads back no expression as deep as Horner's. -#}
{% macro erfc(z) -%}
    {%- set t = '(1 / (1 + 0.5 * ' ~ z ~ '))' -%}
    {{ t }} * exp(
        -1.26551223 - {{ z }} * {{ z }}
        {%- for factor in (1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
                           -0.82215223, 0.17087277) %}
        + {{ factor }} * power({{ t }}, {{ loop.index }})
        {%- endfor %}
    )
{%- endmacro %}
