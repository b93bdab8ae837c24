"""Customers of the shop: scores that hang on rows and not on their order, and no money in a currency without a rate."""

import json
import random
from pathlib import Path

import duckdb
import pytest

from ecommerce_warehouse import AS_OF, build, dbt, fetch, insert, write_raw


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of 300 customers, many of them alike, some of whom bought last more than a year ago."""
    dice, home = random.Random(5), tmp_path_factory.mktemp("crowd")
    write_raw(home / "shop.duckdb")
    with duckdb.connect(str(home / "shop.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("delete from ecommerce_raw.raw_orders; delete from ecommerce_raw.raw_order_items")
        for key in range(100, 400):
            insert(connection, "raw_customers", {"customer_id": key, "email": f"{key // 2}@example.com"})
            for place in range(dice.choice((0, 1, 1, 2, 3))):
                order = 10 * key + place
                day = f"{dice.choice((2022, 2024, 2024))}-0{dice.randint(1, 4)}-1{dice.randint(0, 3)}"
                row = {"order_id": order, "customer_id": key, "order_date": day, "status": "completed"}
                insert(connection, "raw_orders", row)
                line = {
                    "order_item_id": order,
                    "order_id": order,
                    "product_id": 1,
                    "quantity": dice.randint(1, 3),
                }
                insert(connection, "raw_order_items", line | {"unit_price": 10})
    return home / "shop.duckdb"


def test_scores_do_not_change_when_the_rows_are_shuffled(crowd: Path) -> None:
    """NTILE would give equal customers other scores with each order of the rows."""
    query = "from ecommerce_intermediate.int_customer_rfm order by customer_id"
    build(crowd.parent, "run", AS_OF)
    before = fetch(crowd, query)
    with duckdb.connect(str(crowd)) as connection:
        connection.execute("select setseed(0.5)")
        for table in ("customers", "orders", "order_items"):
            name = f"ecommerce_raw.raw_{table}"
            connection.execute(f"create or replace table {name} as from {name} order by random()")
    build(crowd.parent, "run", AS_OF)
    assert fetch(crowd, query) == before
    cells = {cell for (cell,) in fetch(crowd, "select rfm_cell from ecommerce_intermediate.int_customer_rfm")}
    assert len(cells) > 10
    older = fetch(
        crowd, "select rfm_cell from ecommerce_intermediate.int_customer_rfm where frequency_365d = 0"
    )
    assert set(older) == {("111",)}


def test_two_accounts_of_one_email_are_one_person(crowd: Path) -> None:
    build(crowd.parent, "run", AS_OF)
    [(people, accounts)] = fetch(
        crowd, "select count(*), sum(accounts) from ecommerce_marts.dim_persons where person_id >= 100"
    )
    assert (people, accounts) == (150, 300)


def test_an_order_in_a_currency_without_a_rate_fails_the_run_and_is_named(crowd: Path) -> None:
    with duckdb.connect(str(crowd)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        customer = {"order_id": 1, "customer_id": 100, "status": "completed", "shipping_cost": 2}
        for key, day in ((1, "2024-03-31 16:59:59+00"), (2, "2024-03-31 17:00:00+00")):
            order = customer | {"order_id": key, "order_date": day, "currency": " usd "}
            insert(connection, "raw_orders", order)
        rate = {"exchange_rate_id": 1, "currency": "USD", "month": "2024-03-20", "rate": 15000.5}
        insert(connection, "raw_exchange_rates", rate)
    variables = json.dumps({"as_of": AS_OF, "currency": "IDR"})
    dbt(crowd.parent, "run", "--target", "duckdb", "--vars", variables)
    assert_rates = ("--select", "assert_every_currency_has_a_rate", "--target", "duckdb", "--vars", variables)
    assert "assert_every_currency_has_a_rate" in dbt(crowd.parent, "test", *assert_rates, fails=True)
    [path] = (crowd.parent / "target").glob("compiled/*/tests/assert_every_currency_has_a_rate.sql")
    assert [(row[0], str(row[1]), row[3]) for row in fetch(crowd, path.read_text())] == [
        ("USD", "2024-04-01", 1)
    ]
    amounts = (
        "select shipping_cost from ecommerce_marts.fct_orders where order_id in (1, 2) order by order_id"
    )
    assert fetch(crowd, amounts) == [(30001,), (None,)]
