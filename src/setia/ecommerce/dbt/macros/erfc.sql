{#- The complementary error function for an argument of at least 0, which neither engine has: the Chebyshev fit of
    Press et al., Numerical Recipes, 2nd edition, 6.2. Relative error below 1.2e-7 everywhere, also far out, where an
    absolute bound (Abramowitz and Stegun 7.1.26: 1.5e-7) would leave nothing of a small p-value. -#}
{% macro erfc(z) -%}
    {%- set fit = namespace(sum='0.17087277') -%}
    {%- for term in ('-0.82215223', '1.48851587', '-1.13520398', '0.27886807', '-0.18628806', '0.09678418',
                     '0.37409196', '1.00002368', '-1.26551223') -%}
        {%- set fit.sum = '(' ~ term ~ ' + ' ~ erfc_step(z) ~ ' * ' ~ fit.sum ~ ')' -%}
    {%- endfor -%}
    {{ erfc_step(z) }} * exp(-({{ z }}) * ({{ z }}) + {{ fit.sum }})
{%- endmacro %}
