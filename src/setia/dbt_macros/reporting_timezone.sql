{#- The one time zone in which days and months are cut. -#}
{% macro reporting_timezone() %}{{ return(var('timezone', 'Asia/Jakarta')) }}{% endmacro %}
