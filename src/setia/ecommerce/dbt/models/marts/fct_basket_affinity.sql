{#- Grain: one row a pair of products that were together in basket_min_orders baskets or more; each pair once.
    Question: what is bought together more often than by chance? Baskets of the last 12 whole months and the open one. -#}
with window_pairs as (
    select
        product_a,
        product_b,
        {{ whole_number('sum(orders_together)') }} as orders_together
    from {{ ref('int_product_pairs_monthly') }}
    where month_key >= {{ open_month(12) }}
    group by product_a, product_b
),

window_baskets as (
    select
        {{ whole_number('sum(baskets_count)') }} as orders_in_all,
        {{ whole_number('sum(baskets_left_out)') }} as orders_left_out
    from {{ ref('int_baskets_monthly') }}
    where month_key >= {{ open_month(12) }}
),

counted as (
    select
        window_pairs.product_a,
        window_pairs.product_b,
        window_pairs.orders_together,
        with_a.orders_together as orders_a,
        with_b.orders_together as orders_b,
        window_baskets.orders_in_all,
        window_baskets.orders_left_out
    from window_pairs
    inner join window_pairs as with_a on window_pairs.product_a = with_a.product_a and with_a.product_b = with_a.product_a
    inner join window_pairs as with_b on window_pairs.product_b = with_b.product_a and with_b.product_b = with_b.product_a
    cross join window_baskets
    where
        window_pairs.product_a < window_pairs.product_b
        and window_pairs.orders_together >= {{ var('basket_min_orders') | int }}
),

measured as (
    select
        *,
        {{ ratio('orders_together', 'orders_in_all') }} as support,
        {{ ratio('orders_together', 'orders_a') }} as confidence_a_to_b,
        {{ ratio('orders_together', 'orders_b') }} as confidence_b_to_a,
        {{ ratio('orders_a', 'orders_in_all') }} as share_a,
        {{ ratio('orders_b', 'orders_in_all') }} as share_b
    from counted
),

compared as (
    select
        *,
        {{ ratio('support', 'share_a * share_b') }} as lift,
        support - share_a * share_b as leverage,
        {{ ratio('1 - share_b', '1 - confidence_a_to_b') }} as conviction_a_to_b,
        {{ ratio('1 - share_a', '1 - confidence_b_to_a') }} as conviction_b_to_a,
        share_a * share_b * orders_in_all as expected_together,
        orders_in_all * {{ ratio(
            '(support - share_a * share_b) * (support - share_a * share_b)', 'share_a * share_b * (1 - share_a) * (1 - share_b)'
        ) }} as chi_square
    from measured
),

normal as (
    select
        *,
        sqrt(chi_square / 2) as deviation
    from compared
),

affinity as (
    select
        product_a, product_b,
        orders_together, orders_a, orders_b, orders_in_all,
        support, confidence_a_to_b, confidence_b_to_a, lift, leverage, conviction_a_to_b, conviction_b_to_a,
        expected_together, chi_square,
        {{ erfc('deviation') }} as p_value,
        orders_left_out,
        {{ open_month(12) }} as first_month
    from normal
)

select * from affinity
