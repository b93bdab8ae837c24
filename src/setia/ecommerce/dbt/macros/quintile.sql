{#- A score from 1 to 5 by rank in the given order, among rows alike in `among`. Equal values share a score, which NTILE
    does not promise. -#}
{% macro quintile(ordering, among) -%}
    1 + cast(
        floor(least(4.0, 5 * percent_rank() over (partition by {{ among }} order by {{ ordering }})))
        as {{ type_integer() }}
    )
{%- endmacro %}
