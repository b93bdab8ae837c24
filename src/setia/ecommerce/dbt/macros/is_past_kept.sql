{#- SQL, true or false: whether int_customer_past stays as it is: no month of it is rebuilt, and it ended with the same
    month at each build since the last good one. -#}
{% macro is_past_kept() -%}
    {%- set since = var('builds_since', none) -%}
    {%- if not is_increment() or since is none -%}{{ return('false') }}{%- endif -%}
    {%- set ends = [past_ends()] -%}
    {%- for which in ('earliest', 'latest') -%}
        {%- do ends.append(past_ends(modules.datetime.datetime.fromisoformat(since[which]))) -%}
    {%- endfor -%}
    {{ 'true' if ends | unique | list | length == 1 and (var('rebuilt_months') | first) >= (ends[0] | string) else 'false' }}
{%- endmacro %}
