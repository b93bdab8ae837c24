{#- Nobody of the win-back segments falls out, however few days they are away, and nobody else is in. -#}
with faults as (
    select segments.customer_id
    from {{ ref('dim_customer_segments') }} as segments
    left join {{ ref('fct_winback_targets') }} as targets on segments.customer_id = targets.customer_id
    where
        (
            segments.customer_segment in ('At Risk', 'Cant Lose Them')
            or (segments.rfm_segment in ('At Risk', 'Cannot Lose Them') and segments.recency_days > 90)
        ) <> (targets.customer_id is not null)
)

select * from faults
