"""The shop's lists: whom to win back, whom to leave alone, and what to spend, on customers made to fall out of a list."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from ecommerce_warehouse import AS_OF, PROJECT, dbt, fetch, insert, row, write_raw
from setia.ecommerce.tables import CUSTOMERS

MODELS = "+fct_winback_targets", "+fct_marketing_budget"
TARGETS = "ecommerce_marts.fct_winback_targets"

# Who they are: days away, orders, the price of each (the cost is 4), and whether they may be written to.
PEOPLE: dict[int, tuple[int, int, int, bool | None]] = {
    100: (90, 3, 400, True),
    101: (91, 3, 400, True),
    102: (120, 3, 400, None),
    103: (121, 3, 400, False),
    104: (100, 1, 200, True),
    105: (1000, 10, 400, True),
    106: (200, 1, 20, True),
    107: (1, 5, 400, True),
}
"""B26: of these the tutorial takes 103 and 105: up to 120 days away a risk is Low, and 200 is not over 200."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("lists")
    write_raw(home / "shop.duckdb")
    with duckdb.connect(str(home / "shop.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for key, (days, count, price, consent) in PEOPLE.items():
            customer: dict[str, Any] = {"customer_id": key, "email": f"{key}@example.com"}
            insert(connection, "raw_customers", customer | {"marketing_consent": consent})
            for place in range(count):
                order = key * 100 + place
                placed = f"timestamptz '2024-04-30 05:00:00+00' - interval {days + place} day"
                connection.execute(
                    "insert into ecommerce_raw.raw_orders (order_id, customer_id, order_date, status)"
                    f" select {order}, {key}, {placed}, 'completed'"
                )
                line = {"order_item_id": order, "order_id": order, "product_id": 1, "quantity": 1}
                insert(connection, "raw_order_items", line | {"unit_price": price, "unit_cost": 4})
    variables = json.dumps({"as_of": AS_OF, "winback_control_share": 0.5})
    dbt(
        home,
        *("build", "--target", "duckdb", "--vars", variables, "--select", *MODELS),
        *("--indirect-selection", "buildable"),
    )
    return home / "shop.duckdb"


# ---- win-back -----------------------------------------------------------------------------------------


def test_b26_nobody_worth_winning_back_falls_out_by_a_second_rule(shop: Path) -> None:
    rows = fetch(shop, f"select customer_id, winback_rule from {TARGETS} where customer_id >= 100 order by 1")
    assert dict(rows) == {
        101: "Regular gone quiet",
        102: "Regular gone quiet",
        103: "Regular gone quiet",
        104: "Big spender gone quiet",
        105: "Regular gone quiet",
    }
    tutorial = fetch(
        shop,
        "select customer_id from ecommerce_marts.dim_customer_segments where customer_id >= 100"
        " and customer_segment in ('At Risk', 'Cant Lose Them') and churn_risk in ('High', 'Medium')"
        " and monetary_value > 200 order by 1",
    )
    assert tutorial == [(103,), (105,)]


def test_who_said_no_is_suppressed_with_the_reason_and_who_was_not_asked_is_flagged(shop: Path) -> None:
    refused, unasked = (
        row(shop, "marts.fct_winback_targets", 103),
        row(shop, "marts.fct_winback_targets", 102),
    )
    assert (refused["campaign_group"], refused["suppression_reason"]) == ("Suppressed", "No consent")
    assert (unasked["suppression_reason"], unasked["is_consent_unknown"]) == (None, True)
    assert unasked["campaign_group"] in ("Contact", "Control")


def test_the_value_of_a_target_is_the_margin_of_the_last_year_that_they_bought(shop: Path) -> None:
    away = row(shop, "marts.fct_winback_targets", 105)
    assert (away["last_year_margin"], away["value_rank"]) == (10 * (400 - 4), 1)
    assert away["top_product_id"] is None
    assert row(shop, "marts.fct_winback_targets", 104)["top_category"] == "Drinks"


def test_the_list_names_no_person(shop: Path) -> None:
    columns = {name for name, *_ in fetch(shop, f"describe {TARGETS}")}
    assert "customer_id" in columns
    personal = {column.name for column in CUSTOMERS.columns if column.personal}
    assert personal
    assert columns & personal == set()


def test_a_customer_is_in_the_control_group_by_key_and_salt_alone(shop: Path) -> None:
    def drawn(key: int, salt: str) -> float:
        return int(hashlib.md5(f"{key}{salt}".encode()).hexdigest()[:8], 16) / 2**32

    groups = fetch(
        shop, f"select customer_id, campaign_group from {TARGETS} where suppression_reason is null"
    )
    assert len(groups) > 3
    for key, group in groups:
        assert (group == "Control") == (drawn(key, "winback") < 0.5)
    shares = [sum(drawn(key, salt) < 0.1 for key in range(20_000)) / 20_000 for salt in ("winback", "spring")]
    assert shares == pytest.approx([0.1, 0.1], abs=0.01)


def test_the_hash_spreads_evenly_in_the_warehouse_too() -> None:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(PROJECT / "macros"))
    environment.globals["ratio"] = lambda a, b: f"({a} / {b}.0::double)"
    sql = environment.get_template("hash_share.sql").make_module().default__hash_share("cast(key as varchar)")
    tenths = duckdb.sql(f"select floor(10 * {sql}), count(*) from range(50000) r(key) group by 1 order by 1")
    counts = tenths.fetchall()
    assert [tenth for tenth, _ in counts] == list(range(10))
    assert all(4700 < count < 5300 for _, count in counts)


# ---- the budget ---------------------------------------------------------------------------------------


def test_b40_the_budget_comes_from_margin_and_none_of_it_goes_to_who_is_gone(shop: Path) -> None:
    segments = fetch(
        shop,
        "select customer_segment, included_customers, expected_margin, suggested_budget"
        " from ecommerce_marts.fct_marketing_budget where customer_segment in ('At Risk', 'Prospect', 'Champions')",
    )
    at_risk = 3 * 3 * (400 - 4)
    assert {name: tuple(values) for name, *values in segments} == {
        "At Risk": (3, at_risk, Decimal(at_risk) / 10),
        "Champions": (1, 5 * (400 - 4), Decimal(5 * (400 - 4)) / 10),
        "Prospect": (0, 0, 0),
    }
    tutorial = fetch(
        shop,
        "select 0.10 * sum(predicted_clv_12m) from ecommerce_marts.dim_customer_segments"
        " where customer_segment = 'At Risk'",
    )
    assert tutorial > [(Decimal(at_risk) / 10,)]


def test_a_customer_of_unknown_cost_adds_nothing_and_is_counted(shop: Path) -> None:
    counted = fetch(shop, "select sum(customers_of_unknown_margin) from ecommerce_marts.fct_marketing_budget")
    assert counted == [(2,)], "customers 5 and 6 bought the product without a cost"
