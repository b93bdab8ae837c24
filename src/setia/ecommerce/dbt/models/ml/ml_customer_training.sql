{#- Grain: one row a customer and cutoff (a month's last day), with an order in the 365 days up to it. Question: of whom
    was known what, and who ordered afterwards? The newest cutoffs are for tests; those whose label reaches into them,
    for none. A view: which cutoffs are the newest changes rows that are long there. -#}
{% set label_ends_after = var('label_gap_days') | int + var('label_days') | int -%}
{{ config(materialized='view', meta={'built_by_day_of': 'cutoff_date', 'onward': label_ends_after}) }}
with cutoffs as (
    select distinct cutoff_date
    from {{ ref('int_customer_snapshots') }}
),

ranked as (
    select
        cutoff_date,
        row_number() over (order by cutoff_date desc) as place
    from cutoffs
),

bounds as (
    select min(cutoff_date) as first_test
    from ranked
    where place <= {{ var('test_cutoffs') }}
),

split_rows as (
    select
        snapshots.*,
        case
            when snapshots.cutoff_date >= bounds.first_test then 'test'
            when {{ add_days('snapshots.cutoff_date', label_ends_after) }} < bounds.first_test then 'train'
            else 'embargo'
        end as split
    from {{ ref('int_customer_snapshots') }} as snapshots
    cross join bounds
)

select * from split_rows
