{#- The segment of a cell such as '534' in the 11-segment grid; Prospect for a customer without orders. -#}
{% macro rfm_segment(cell) -%}
    case
        when {{ cell }} is null then 'Prospect'
        {%- for segment, cells in rfm_segment_cells().items() %}
        when {{ cell }} in ('{{ cells.split() | join("', '") }}') then '{{ segment }}'
        {%- endfor %}
    end
{%- endmacro %}
