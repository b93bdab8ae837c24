{#- A score from 1 to 5 by rank in the given order, within each value of `partition_by`. Equal values share a score,
    which NTILE does not promise. -#}
{% macro quintile(ordering, partition_by=none) -%}
    1 + cast(floor(least(4.0, 5 * percent_rank() over (
        {{- 'partition by ' ~ partition_by ~ ' ' if partition_by }}order by {{ ordering -}}
    ))) as {{ type_integer() }})
{%- endmacro %}
