{#- A query: one row (number) for each whole number from the first up to, and without, the last. -#}
{% macro each_number(first, after) %}{{ return(adapter.dispatch('each_number')(first, after)) }}{% endmacro %}

{% macro default__each_number(first, after) %}select unnest(range({{ first }}, {{ after }})) as number{% endmacro %}

{% macro bigquery__each_number(first, after) %}select number from unnest(generate_array({{ first }}, {{ after }} - 1)) as number{% endmacro %}
