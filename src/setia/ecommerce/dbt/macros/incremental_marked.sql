{#- As incremental_where; but the rows that fulfil the condition are there while the query runs, without a value in `column`,
    and are deleted after it: the query builds what they tell, and need not look for what is missing. -#}
{% macro incremental_marked(column, condition) %}
    {%- set config = incremental_where([]) -%}
    {%- if config['materialized'] == 'incremental' -%}
        {%- do config.update({
            'pre_hook': "{% if is_increment() %}update {{ this }} as kept set " ~ column ~ " = null where {{ " ~ condition
                ~ " }}{% endif %}",
            'post_hook': "{% if is_increment() %}delete from {{ this }} as kept where " ~ column ~ " is null{% endif %}",
        }) -%}
    {%- endif -%}
    {{ return(config) }}
{% endmacro %}
