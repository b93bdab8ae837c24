{#- Says that a prep model needs its seed, on the target that has seeds, so that `dbt build` works there too. -#}
{% macro seeded(name) %}{% if target.name == 'sample' %}{% do ref(name) %}{% endif %}{% endmacro %}
