{#- Grain: one row a customer_segment that has customers. Question: how much to spend on each segment?
    A share of the margin that its customers may be expected to leave, and not more than a campaign is assumed to bring:
    nothing on who never ordered, is Lost, or has been away for over a year. -#}
{% set share, uplifts = var('marketing_budget_share'), var('assumed_uplift') -%}
with judged as (
    select
        segments.customer_segment,
        margins.last_year_margin,
        coalesce(
            segments.customer_segment not in ('Lost', 'Prospect')
            and segments.recency_days <= {{ var('budget_max_recency_days') | int }}, false
        ) as is_included
    from {{ ref('dim_customer_segments') }} as segments
    left join {{ ref('int_customer_margins') }} as margins on segments.customer_id = margins.customer_id
),

segment_totals as (
    select
        customer_segment,
        count(*) as customers_count,
        count(case when is_included then 1 end) as included_customers,
        count(case when is_included and last_year_margin is null then 1 end) as customers_of_unknown_margin,
        {{ money('coalesce(sum(case when is_included and last_year_margin > 0 then last_year_margin end), 0)') }}
            as expected_margin
    from judged
    group by customer_segment
),

accumulated as (
    select
        *,
        sum(expected_margin) over (order by customer_segment rows unbounded preceding) as margin_up_to_here
    from segment_totals
),

-- The difference of two rounded running amounts, so that the segments add up to the shop's budget to the cent.
shared as (
    select
        *,
        {{ money(money('margin_up_to_here * ' ~ fixed(share)) ~ ' - '
            ~ money('(margin_up_to_here - expected_margin) * ' ~ fixed(share))) }} as budget_by_share,
        case customer_segment
            {%- for segment, uplift in uplifts.items() if segment != 'default' %}
            when '{{ segment }}' then {{ money('expected_margin * ' ~ fixed(uplift)) }}
            {%- endfor %}
            when '' then {{ money('0') }}
            else {{ money('expected_margin * ' ~ fixed(uplifts['default'])) }}
        end as assumed_uplift_margin
    from accumulated
),

budgets as (
    select
        customer_segment,
        customers_count,
        included_customers,
        customers_of_unknown_margin,
        expected_margin,
        assumed_uplift_margin,
        budget_by_share,
        {{ money('least(budget_by_share, assumed_uplift_margin)') }} as suggested_budget,
        {{ money('budget_by_share - least(budget_by_share, assumed_uplift_margin)') }} as capped_amount,
        {{ divide_money('least(budget_by_share, assumed_uplift_margin)', 'included_customers', 2) }} as budget_per_customer
    from shared
)

select * from budgets
