{#- A customer is live for so many days after an order, and churned the day after without another. -#}
{% macro live_days() %}{{ return(90) }}{% endmacro %}
