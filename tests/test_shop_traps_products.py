"""Traps B27 to B32, B41 and B49: what products bring in. The tutorial's rule beside ours, on the same rows."""

import math
from decimal import Decimal
from pathlib import Path

import tutorial_logic as tutorial
from ecommerce_warehouse import fetch, row

PERFORMANCE = "ecommerce_marts.fct_product_performance"


def test_b27_equal_products_rank_by_their_key(traps: Path) -> None:
    """Products 6 and 7 sold ten units each: which is first hangs on how the rows lie."""
    ranked = (
        "select list(product_id order by rank) from (select product_id, row_number() over (order by units desc) as rank"
        " from (from product_sales order by product_id {})) where product_id in (6, 7)"
    )
    assert tutorial.ask(traps, ranked.format("asc")) != tutorial.ask(traps, ranked.format("desc"))
    ours = fetch(
        traps,
        f"select product_id, units_rank from {PERFORMANCE} where product_id in (6, 7) or product_id > 20 order by 1",
    )
    assert ours == [(6, 3), (7, 4), *((key, key - 12) for key in range(21, 50))]


def test_b28_a_category_without_sales_has_no_shares(traps: Path) -> None:
    share = (
        "select revenue / sum(revenue) over (partition by category) from product_sales"
        " join ecommerce_raw.raw_products using (product_id) where category = 'DUST' limit 1"
    )
    [[theirs]] = tutorial.ask(traps, share)
    assert math.isnan(theirs)
    assert row(traps, "marts.fct_product_performance", 20)["category_revenue_share"] is None
    assert row(traps, "marts.fct_product_performance", 1)["category_revenue_share"] == 105 / 135


def test_b29_products_that_sold_nothing_are_no_stars(traps: Path) -> None:
    """Thirty-one of thirty-seven products never sold."""
    assert tutorial.ask(traps, f"select distinct {tutorial.TIER} from product_sales") == [("Star",)]
    tiers = fetch(traps, f"select product_id, performance_tier, abc_class from {PERFORMANCE} order by 1")
    assert [tier for key, *tier in tiers if key in (4, *range(20, 50))] == [["No sales", "U"]] * 31
    assert [tier for key, tier, _ in tiers if key < 20] == [
        "Average", "Average", "Underperformer", "No sales", "Star", "Star", "Performer",
    ]  # fmt: skip


def test_b30_an_average_price_is_weighted_and_unknown_without_units(traps: Path) -> None:
    """One unit at 10 and nine at 20; and none."""
    theirs = tutorial.ask(
        traps, "select product_id, avg_price from product_sales where product_id in (7, 20) order by 1"
    )
    assert theirs == [(7, 15), (20, 0)]
    assert row(traps, "marts.fct_product_performance", 7)["avg_selling_price"] == 19
    assert row(traps, "marts.fct_product_performance", 20)["avg_selling_price"] is None


def test_b31_profit_takes_the_cost_at_the_time_and_stays_unknown_without_one(traps: Path) -> None:
    """Tea cost 3 when two were sold and one came back, and costs 4 today. Nobody knows what Mystery costs."""
    theirs = tutorial.ask(
        traps, "select product_id, profit from product_sales where product_id in (1, 3) order by 1"
    )
    assert theirs == [(1, 61), (3, 0)]
    sold = 105 - 10
    at_the_time = (2 - 1) * 3 + Decimal("8.5") * 4
    assert row(traps, "marts.fct_product_performance", 1)["total_profit"] == sold - at_the_time == 58
    assert row(traps, "marts.fct_product_performance", 3)["total_profit"] is None


def test_b32_what_sold_years_ago_is_told_from_what_sells(traps: Path) -> None:
    """Old brought in most of its 1,349.90 three years ago; New 300 this week."""
    theirs = "select product_id from product_sales order by revenue desc limit 1"
    assert tutorial.ask(traps, theirs) == [(5,)]
    windows = "select product_id, revenue_28d, revenue_90d, revenue_365d from {} where product_id in (5, 6) order by 1"
    assert fetch(traps, windows.format(PERFORMANCE)) == [(5, 0, 0, 300), (6, 300, 300, 300)]


def test_b41_a_product_bought_twice_in_one_order_was_bought_once(traps: Path) -> None:
    theirs = tutorial.ask(
        traps,
        "select count(*) from orders join lines using (order_id) where customer_id = 8 and product_id = 6",
    )
    assert theirs == [(2,)]  # lines, not purchases
    [query] = (traps.parent / "target").glob("compiled/*/analyses/customer_product_affinity.sql")
    ours = {(customer, product): count for customer, product, count, _ in fetch(traps, query.read_text())}
    assert ours[8, 6] == 1
    assert ours[12, 5] == 3
    table = "select orders_count, units_bought from ecommerce_marts.fct_customer_product_affinity"
    assert fetch(traps, f"{table} where customer_id = 8 and product_id = 6") == [(1, 10)]


def test_b49_products_and_customers_agree_on_who_bought_and_what_came_back(traps: Path) -> None:
    """Whoever has no proper email bought New all the same; of Tea and Sample something came back."""
    unknown = (
        "select customers, (select count(*) from order_totals join customers using (customer_id)"
        " join lines using (order_id) where product_id = 6) from product_sales where product_id = 6"
    )
    assert tutorial.ask(traps, unknown) == [(1, 0)]  # one customer bought it, and nobody did
    assert tutorial.ask(traps, "select count(*) from lines where quantity < 0") == [(0,)]
    assert row(traps, "marts.fct_product_performance", 6)["customers_count"] == 1
    assert row(traps, "marts.fct_customer_metrics", 8)["merchandise_value"] == 300
    assert row(traps, "marts.fct_product_performance", 1)["return_rate"] == 1 / 10.5
    assert row(traps, "marts.fct_product_performance", 2)["return_rate"] == 1 / 3
