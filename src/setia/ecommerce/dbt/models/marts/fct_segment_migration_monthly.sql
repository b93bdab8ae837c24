{#- Grain: one row a month and pair of segments between which customers stayed or moved. Question: who becomes what, month by
    month? A customer's first month comes from Prospect; from is where the month before ended, to where this one did. -#}
{{ config(**by_month('month_key', onward=0)) }}
with month_ends as (
    select
        customer_id,
        month_key,
        {{ next_month('month_key') }} as month_after,
        is_complete,
        is_first_month,
        rfm_segment,
        monetary_365d
    from {{ ref('fct_segment_history') }}
    where {{ from_rebuilt_months('month_key', 31) }}
),

moves as (
    select
        reached.month_key,
        reached.is_complete,
        case when reached.is_first_month then 'Prospect' else ended.rfm_segment end as from_segment,
        reached.rfm_segment as to_segment,
        reached.monetary_365d
    from month_ends as reached
    left join month_ends as ended
        on reached.customer_id = ended.customer_id and reached.month_key = ended.month_after
    where {{ from_rebuilt_months('reached.month_key') }}
),

migration as (
    select
        month_key,
        from_segment,
        to_segment,
        is_complete,
        count(*) as customers,
        {{ amount('sum(monetary_365d)') }} as monetary_365d
    from moves
    group by month_key, from_segment, to_segment, is_complete
)

select * from migration
