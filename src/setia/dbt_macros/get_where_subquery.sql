{#- dbt's own macro, replaced: what a generic test looks at. Of a model that is built by month it looks at the months
    of this run; the others were tested when they were built, and hold the same rows since. -#}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [config.get('where')] if config.get('where') else [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == relation.identifier -%}
            {%- set meta = node.config.get('meta', {}) -%}
            {%- set column = meta.get('built_by_month_of') -%}
            {%- if column -%}{%- do conditions.append(in_tested_months(column, meta.get('onward'))) -%}{%- endif -%}
            {%- set instant = meta.get('read_by_month_of') -%}
            {%- if instant -%}{%- do conditions.append(in_tested_months(instant, instant=true)) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not conditions -%}{{ return(relation) }}{%- endif -%}
    (select * from {{ relation }} where {{ conditions | join(' and ') }}) as tested
{%- endmacro %}
