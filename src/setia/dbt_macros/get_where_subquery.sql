{#- dbt's own macro, replaced: what a generic test looks at. Of a model that is built by month or day it looks at
    those of this run; of a view with `read_by_batch`, at the rows that came since the last good build,
    unless the test says of_all_batches: a parent may have gone. The others were tested when they were built or came, and
    are the same since. -#}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [config.get('where')] if config.get('where') else [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == relation.identifier -%}
            {%- set meta = node.config.get('meta', {}) -%}
            {%- set built = [] -%}
            {%- set month = meta.get('built_by_month_of') -%}
            {%- if month -%}{%- do built.append(in_tested_months(month, meta.get('onward'))) -%}{%- endif -%}
            {%- set day, instant = meta.get('built_by_day_of'), meta.get('read_by_day_of') -%}
            {%- if day -%}{%- do built.append(in_tested_days(day, meta.get('onward'))) -%}{%- endif -%}
            {%- if instant -%}{%- do built.append(in_tested_days(instant, instant=true)) -%}{%- endif -%}
            {%- if meta.get('read_by_batch') and not config.get('meta', {}).get('of_all_batches') -%}
                {%- do built.append(in_tested_batches('batch_id')) -%}
            {%- endif -%}
            {%- if built -%}{%- do conditions.append('(' ~ built | join(' or ') ~ ')') -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not conditions -%}{{ return(relation) }}{%- endif -%}
    (select * from {{ relation }} where {{ conditions | join(' and ') }}) as tested
{%- endmacro %}
