{#- What the fit of erfc is a polynomial in. -#}
{% macro erfc_step(z) %}(1 / (1 + 0.5 * ({{ z }}))){% endmacro %}
