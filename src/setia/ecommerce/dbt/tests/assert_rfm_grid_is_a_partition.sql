{#- Each of the 125 cells is listed in exactly one of the 11 segments, and nothing else is listed. -#}
{% set scores = [1, 2, 3, 4, 5] -%}
with all_cells as (
    {% for r in scores %}{% for f in scores %}{% for m in scores -%}
    select '{{ r }}{{ f }}{{ m }}' as cell{{ " union all" if r * f * m < 125 }}
    {% endfor %}{% endfor %}{% endfor %}
),

listed_cells as (
    {% for cells in rfm_segment_cells().values() %}{% set outer = loop %}{% for cell in cells.split() -%}
    select '{{ cell }}' as cell{{ " union all" if not (outer.last and loop.last) }}
    {% endfor %}{% endfor %}
),

times_listed as (
    select
        all_cells.cell,
        count(listed_cells.cell) as times
    from all_cells
    left join listed_cells on all_cells.cell = listed_cells.cell
    group by all_cells.cell
),

faults as (
    select cell from times_listed
    where times <> 1
    union all
    select listed_cells.cell from listed_cells
    left join all_cells on listed_cells.cell = all_cells.cell
    where all_cells.cell is null
)

select * from faults
