{#- a / b for averages of minutes, below a thousand million; NULL when b is 0. Money's wider type takes fourteen times as long. -#}
{% macro divide_minutes(a, b) %}{{ return(adapter.dispatch('divide_minutes')(a, b)) }}{% endmacro %}

{% macro default__divide_minutes(a, b) %}{{ minutes('round(cast((' ~ a ~ ') / nullif(' ~ b ~ ', 0) as decimal(18, 9)), 4)') }}{% endmacro %}

{% macro bigquery__divide_minutes(a, b) %}{{ divide_money(a, b) }}{% endmacro %}
