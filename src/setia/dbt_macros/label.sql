{#- A code word in one spelling: clean, lower case, spaces and hyphens as underscores (Smart TV -> smart_tv). -#}
{% macro label(expr) %}lower(replace(replace({{ clean_text(expr) }}, ' ', '_'), '-', '_')){% endmacro %}
