{#- Grain: one row a product that was on sale for a whole month of the last 12. Question: how steady is its demand?
    Months without a sale count as 0 from the first whole month on sale. XYZ by the coefficient of variation of monthly units. -#}
{% set months_between = "12 * (extract(year from %s) - extract(year from %s)) + extract(month from %s) - extract(month from %s)" -%}
with on_sale as (
    select
        product_id,
        case
            when {{ next_month('on_sale_since') }} > {{ open_month(12) }} then {{ next_month('on_sale_since') }}
            else {{ open_month(12) }}
        end as first_month
    from {{ ref('int_product_metrics') }}
    where on_sale_since is not null and {{ next_month('on_sale_since') }} < {{ open_month() }}
),

monthly_units as (
    select
        on_sale.product_id,
        {{ whole_number(months_between | format(open_month(), 'on_sale.first_month', open_month(), 'on_sale.first_month')) }}
            as demand_months,
        {{ money('coalesce(sales.units_sold, 0)', 4) }} as units
    from on_sale
    left join {{ ref('int_product_sales_monthly') }} as sales
        on
            on_sale.product_id = sales.product_id
            and sales.month_key >= on_sale.first_month
            and sales.month_key < {{ open_month() }}
),

summed as (
    select
        product_id,
        demand_months,
        sum(units) as units,
        sum(cast(units * units as {{ type_money() }})) as squared_units
    from monthly_units
    group by product_id, demand_months
),

varied as (
    select
        product_id,
        demand_months,
        {{ ratio('units', 'demand_months') }} as units_per_month,
        {{ ratio('sqrt(greatest(0, cast(demand_months * squared_units - units * units as ' ~ type_double() ~ ')))', 'units') }}
            as demand_variation
    from summed
),

demand as (
    select
        product_id,
        demand_months,
        units_per_month,
        demand_variation,
        case
            when demand_months < {{ var('xyz_min_months') | int }} or demand_variation is null then null
            when demand_variation <= 0.5 then 'X'
            when demand_variation <= 1.0 then 'Y'
            else 'Z'
        end as xyz_class
    from varied
)

select * from demand
