"""The shop's products: pairs, months and buyers equal a reckoning by hand, whole and month by month."""

import json
import math
import random
import shutil
from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from ecommerce_warehouse import AS_OF, PROJECT, dbt, fetch, insert, write_raw

MODELS = "+fct_basket_affinity", "+fct_product_performance", "+fct_customer_product_affinity"
LARGEST, FEWEST = 5, 5
LAST_DAY = date(2024, 4, 30)
ORDERS_FROM = 100

Order = dict[str, Any]


def random_orders(dice: random.Random) -> list[Order]:
    """Baskets of 17 months; some products go together, some lines come twice, some come back."""
    orders = []
    for key in range(ORDERS_FROM, ORDERS_FROM + 600):
        basket = dice.sample(range(10, 20), dice.choice((1, 1, 2, 2, 3, 4, 6, 7)))
        if 10 in basket and dice.random() < 0.7:
            basket.append(11)
        lines = [(product, dice.randint(1, 3), False) for product in basket]
        if dice.random() < 0.2:
            lines.append((dice.choice(range(10, 20)), -1, True))
        orders.append(
            {
                "order_id": key,
                "customer_id": dice.randint(1, 6),
                "day": LAST_DAY - timedelta(days=dice.randrange(510)),
                "status": dice.choice(("completed",) * 5 + ("cancelled",)),
                "lines": lines,
            }
        )
    return orders


def write_order(connection: duckdb.DuckDBPyConnection, order: Order) -> None:
    names = ("order_id", "customer_id", "status")
    insert(
        connection,
        "raw_orders",
        {name: order[name] for name in names} | {"order_date": f"{order['day']} 05:00:00+00"},
    )
    for place, (product, quantity, is_return) in enumerate(order["lines"]):
        line = {"order_item_id": order["order_id"] * 100 + place, "order_id": order["order_id"]}
        line |= {"product_id": product, "quantity": quantity, "unit_price": product, "is_return": is_return}
        insert(connection, "raw_order_items", line)


def run(home: Path, verb: str, months: list[str] | None = None, *options: str) -> None:
    variables = {"as_of": AS_OF, "basket_max_products": LARGEST, "rebuilt_months": months}
    dbt(
        home,
        verb,
        *("--target", "duckdb", "--vars", json.dumps(variables), "--select", *MODELS),
        *("--indirect-selection", "cautious", *options),
    )


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return random_orders(random.Random(5))


@pytest.fixture(scope="module")
def shop(orders: list[Order], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of random baskets after `dbt build` of the product models."""
    home = tmp_path_factory.mktemp("products")
    write_raw(home / "shop.duckdb")
    with duckdb.connect(str(home / "shop.duckdb")) as connection:
        for table in ("raw_orders", "raw_order_items"):
            connection.execute(f"delete from ecommerce_raw.{table}")
        for order in orders:
            write_order(connection, order)
    run(home, "build")
    return home / "shop.duckdb"


def sales(orders: list[Order], first_day: date = date.min) -> list[Order]:
    return [order for order in orders if order["status"] == "completed" and order["day"] >= first_day]


# ---- pairs of products ----------------------------------------------------------------------------


def reckoned(orders: list[Order]) -> dict[tuple[int, int], dict[str, float]]:
    """Every pair's measures, as mlxtend defines them, from sets of baskets."""
    baskets = [
        {product for product, _, is_return in order["lines"] if not is_return}
        for order in sales(orders, date(2023, 5, 1))
    ]
    baskets = [basket for basket in baskets if len(basket) <= LARGEST]
    measures = {}
    for a, b in combinations(range(10, 20), 2):
        n = len(baskets)
        with_a, with_b = sum(a in basket for basket in baskets), sum(b in basket for basket in baskets)
        both = sum(a in basket and b in basket for basket in baskets)
        if both < FEWEST:
            continue
        observed = (both, with_a - both, with_b - both, n - with_a - with_b + both)
        expected = [x * y / n for x in (with_a, n - with_a) for y in (with_b, n - with_b)]
        ordered = (observed[0], observed[1], observed[2], observed[3])
        chi_square = sum((seen - due) ** 2 / due for seen, due in zip(ordered, expected, strict=True))
        support = both / n
        measures[a, b] = {
            "orders_together": both,
            "orders_a": with_a,
            "orders_b": with_b,
            "orders_in_all": n,
            "support": support,
            "confidence_a_to_b": both / with_a,
            "confidence_b_to_a": both / with_b,
            "lift": support / (with_a / n * with_b / n),
            "leverage": support - with_a / n * with_b / n,
            "conviction_a_to_b": (1 - with_b / n) / (1 - both / with_a),
            "conviction_b_to_a": (1 - with_a / n) / (1 - both / with_b),
            "chi_square": chi_square,
            "p_value": math.erfc(math.sqrt(chi_square / 2)),
        }
    return measures


def test_pairs_equal_a_reckoning_from_the_baskets_themselves(shop: Path, orders: list[Order]) -> None:
    expected = reckoned(orders)
    names = list(next(iter(expected.values())))
    rows = fetch(
        shop, f"select product_a, product_b, {', '.join(names)} from ecommerce_marts.fct_basket_affinity"
    )
    assert len(rows) == len(expected) > 20
    for a, b, *values in rows:
        assert dict(zip(names, values, strict=True)) == pytest.approx(expected[a, b], rel=1e-6), (a, b)
    assert min(expected, key=lambda pair: expected[pair]["p_value"]) == (10, 11)


def test_baskets_left_out_as_too_large_are_stated(shop: Path, orders: list[Order]) -> None:
    large = [
        order
        for order in sales(orders, date(2023, 5, 1))
        if len({product for product, _, is_return in order["lines"] if not is_return}) > LARGEST
    ]
    stated = fetch(shop, "select distinct orders_left_out from ecommerce_marts.fct_basket_affinity")
    assert stated == [(len(large),)]
    assert large


def test_the_error_function_is_as_near_as_its_macro_says() -> None:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(PROJECT / "macros"))
    sql = environment.get_template("erfc.sql").make_module().erfc("z")
    rows = duckdb.sql(f"select z, {sql} from (select n / 500.0::double as z from range(0, 13000) r(n))")
    values = rows.fetchall()
    assert len(values) == 13000
    assert max(abs(value / math.erfc(z) - 1) for z, value in values) < 1.2e-7


# ---- months, windows and buyers ---------------------------------------------------------------------


def test_products_equal_a_reckoning_from_the_orders_themselves(shop: Path, orders: list[Order]) -> None:
    expected: dict[int, dict[str, Any]] = {}
    for product in range(10, 20):
        bought = [
            (order, quantity)
            for order in sales(orders)
            for name, quantity, is_return in order["lines"]
            if name == product and not is_return
        ]
        returned = sum(
            -quantity
            for o in sales(orders)
            for name, quantity, _ in o["lines"]
            if name == product > 0 > quantity
        )
        recent = {
            days: sum(quantity for order, quantity in bought if (LAST_DAY - order["day"]).days < days)
            for days in (28, 90, 365)
        }
        expected[product] = {
            "orders_count": len({order["order_id"] for order, _ in bought}),
            "customers_count": len({order["customer_id"] for order, _ in bought}),
            "units_sold": sum(quantity for _, quantity in bought),
            "units_returned": returned,
            "net_revenue": product * (sum(quantity for _, quantity in bought) - returned),
            "first_sale_date": min(order["day"] for order, _ in bought),
            "units_28d": recent[28],
            "units_365d": recent[365],
            "velocity_90d": pytest.approx(recent[90] / 90),
        }
    names = list(expected[10])
    rows = fetch(
        shop,
        f"select product_id, {', '.join(names)} from ecommerce_marts.fct_product_performance where product_id >= 10",
    )
    assert {key: dict(zip(names, values, strict=True)) for key, *values in rows} == expected


def test_affinities_count_orders_and_not_lines(shop: Path, orders: list[Order]) -> None:
    """B41: an order with two lines of a product bought it once."""
    expected: dict[tuple[int, int], set[int]] = defaultdict(set)
    for order in sales(orders, LAST_DAY - timedelta(days=364)):
        for product, _, is_return in order["lines"]:
            if not is_return:
                expected[order["customer_id"], product].add(order["order_id"])
    rows = fetch(
        shop,
        "select customer_id, product_id, orders_count from ecommerce_marts.fct_customer_product_affinity"
        " where orders_count > 0",
    )
    assert {(customer, product): count for customer, product, count in rows} == {
        pair: len(keys) for pair, keys in expected.items()
    }
    doubled = [order for order in sales(orders) if [line[0] for line in order["lines"]].count(11) > 1]
    assert doubled


MONTHLY = (
    "int_product_sales_monthly",
    "int_product_customers",
    "int_product_pairs_monthly",
    "int_baskets_monthly",
)
WHOLE = "int_product_demand", "int_customer_products"


def test_months_built_after_changes_equal_everything_built_anew(
    shop: Path, orders: list[Order], tmp_path: Path
) -> None:
    """A buyer's first two months go, so that the next month has first purchases; one order is late, one moves."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    shutil.copytree(shop.parent, ours)
    early = [order for order in sales(orders) if order["day"] < date(2023, 2, 1)]
    gone = [order for order in early if order["customer_id"] == 1]
    moved = next(order for order in early if order["customer_id"] == 2)
    assert len(gone) > 3
    late = {"order_id": 9000, "customer_id": 1, "day": date(2023, 6, 3), "status": "completed"}
    with duckdb.connect(str(ours / "shop.duckdb")) as connection:
        connection.execute(
            "update ecommerce_raw.raw_orders set _deleted_at = now()"
            f" where order_id in {tuple(order['order_id'] for order in gone)}"
        )
        connection.execute(
            "update ecommerce_raw.raw_orders set order_date = order_date + interval 365 day"
            f" where order_id = {moved['order_id']}"
        )
        write_order(connection, late | {"lines": [(product, 1, False) for product in range(10, 14)]})
    shutil.copytree(ours, theirs)
    days = [order["day"] for order in gone]
    days += [late["day"], moved["day"], moved["day"] + timedelta(days=365), LAST_DAY]
    run(ours, "build", sorted({day.replace(day=1).isoformat() for day in days}))
    run(theirs, "run", None, "--full-refresh")
    with duckdb.connect() as connection:
        for name in ("ours", "theirs"):
            connection.execute(f"attach '{tmp_path / name / 'shop.duckdb'}' as {name} (read_only)")
        connection.execute(f"attach '{shop}' as before (read_only)")
        tables = [f"ecommerce_intermediate.{name}" for name in (*MONTHLY, *WHOLE)]
        tables += ["ecommerce_marts.fct_basket_affinity", "ecommerce_marts.fct_product_performance"]
        for table in tables:
            for one, other in (("ours", "theirs"), ("theirs", "ours")):
                query = f"from {one}.{table} except all from {other}.{table}"
                assert connection.execute(query).fetchall() == [], table
            changed = f"from before.{table} except all from theirs.{table}"
            assert connection.execute(changed).fetchall(), f"{table} would be right unbuilt"
