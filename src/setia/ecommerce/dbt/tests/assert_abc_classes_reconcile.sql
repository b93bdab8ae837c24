{#- Class A holds the products until 80 % of net revenue is reached, and with B until 95 %: without its smallest member
    a class stays below its bound, with it all the classes up to it reach the bound. -#}
with sold as (
    select
        product_id,
        abc_class,
        net_revenue,
        row_number() over (order by net_revenue desc, product_id asc) as place
    from {{ ref('fct_product_performance') }}
    where abc_class <> 'U'
),

shares as (
    select
        *,
        sum(net_revenue) over (order by place) - net_revenue as before_it,
        sum(net_revenue) over () as in_all
    from sold
),

faults as (
    select *
    from shares
    where
        in_all > 0
        and (
            (abc_class = 'A') <> (before_it * 100 < in_all * 80)
            or (abc_class = 'C') <> (before_it * 100 >= in_all * 95)
        )
)

select * from faults
