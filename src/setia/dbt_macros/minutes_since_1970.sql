{#- The minutes from 1970 to an instant in fixed point, to four decimals as all minutes here. -#}
{% macro minutes_since_1970(ts) %}{{ return(adapter.dispatch('minutes_since_1970')(ts)) }}{% endmacro %}

{% macro default__minutes_since_1970(ts) %}{{ divide_money('epoch_us(' ~ ts ~ ')', 60000000) }}{% endmacro %}

{% macro bigquery__minutes_since_1970(ts) %}{{ divide_money('unix_micros(' ~ ts ~ ')', 60000000) }}{% endmacro %}
