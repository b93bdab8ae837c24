"""Traps B08 to B15, B18 and B47: what a raw row becomes. The tutorial's rule beside ours, on the same rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

import tutorial_logic as tutorial
from conftest import SHOP, write_csv
from ecommerce_warehouse import fetch, row
from setia.batches import Batch
from setia.settings import Settings
from setia.warehouses import connect

LOADED = datetime(2024, 5, 1, tzinfo=UTC)


def test_b08_a_padded_status_is_still_a_sale(traps: Path) -> None:
    theirs = tutorial.ask(traps, "select order_status, is_completed from orders where order_id in (101, 102)")
    assert theirs == [("completed", False)] * 2  # clean, and yet no sale
    ours = [row(traps, "staging.stg_orders", key) for key in (101, 102)]
    assert [(order["order_status"], order["is_completed"]) for order in ours] == [("completed", True)] * 2
    assert row(traps, "staging.stg_orders", 103)["order_status"] == "cancelled"
    assert row(traps, "intermediate.int_customer_orders", 101)["order_subtotal"] == 15


def test_b09_a_bad_email_loses_no_customer_and_no_revenue(traps: Path) -> None:
    orphans = "select customer_id, order_total from order_totals where customer_id not in (select customer_id from customers)"
    assert tutorial.ask(traps, orphans) == [(8, 310)]
    customer = row(traps, "marts.fct_customer_metrics", 8)
    assert (customer["frequency"], customer["monetary_value"]) == (1, 310)
    assert not row(traps, "staging.stg_customers", 8)["is_valid_email"]


def test_b10_emails_are_judged_clean_and_whole(traps: Path) -> None:
    theirs = tutorial.ask(
        traps, "select customer_id, is_valid_email from customers where customer_id in (2, 4, 6) order by 1"
    )
    assert theirs == [(2, True), (4, True), (6, True)]  # broken@, @, two@ats@example.com
    assert tutorial.ask(traps, "select distinct is_valid_email from customers") == [(True,)]
    ours = fetch(
        traps,
        "select email, is_valid_email from ecommerce_staging.stg_customers order by customer_id limit 6",
    )
    assert ours == [
        ("ana@example.com", True), ("broken@", False), (None, False), ("@", False), ("five@example.com", True),
        ("two@ats@example.com", False),
    ]  # fmt: skip


def test_b11_a_return_is_counted_once_whether_refunded_or_not(traps: Path) -> None:
    assert tutorial.ask(traps, "select monetary from metrics where customer_id = 2") == [(20,)]
    only_line, line_and_refund = (row(traps, "intermediate.int_customer_orders", key) for key in (102, 110))
    assert (only_line["order_subtotal"], only_line["refunded_amount"], only_line["net_total"]) == (20, 10, 10)
    assert (line_and_refund["order_subtotal"], line_and_refund["refunded_amount"]) == (30, 9)
    assert line_and_refund["net_total"] == 21
    product = row(traps, "marts.fct_product_performance", 2)
    assert (product["units_sold"], product["units_returned"], product["net_revenue"]) == (3, 1, 20)


def test_b12_a_part_of_a_unit_is_neither_rounded_nor_lost(traps: Path) -> None:
    theirs = tutorial.ask(traps, "select units, line_total from lines where order_id = 101")
    assert theirs == [(2, 15)]  # two units of 10 that cost 15
    line = row(traps, "staging.stg_order_items", 1010)
    assert (line["quantity"], line["line_total"]) == (Decimal("1.5"), 15)


def test_b13_a_margin_in_percent_of_nothing_is_unknown_and_a_loss_has_room(traps: Path) -> None:
    for key in (2, 4):
        query = f"select {tutorial.MARGIN_PERCENT} from ecommerce_raw.raw_products where product_id = {key}"
        with pytest.raises(duckdb.ConversionException, match=r"inf|-14900"):
            fetch(traps, query)
    free, dear = (row(traps, "staging.stg_products", key) for key in (2, 4))
    assert (free["profit_margin"], free["profit_margin_pct"]) == (-1, None)
    assert (dear["profit_margin"], dear["profit_margin_pct"]) == (-149, -14900)


def test_b14_a_row_was_loaded_when_its_batch_was(traps: Path) -> None:
    [[theirs]] = tutorial.ask(traps, "select current_timestamp as dbt_loaded_at from orders limit 1")
    assert theirs > LOADED + (datetime.now(UTC) - LOADED) / 2  # now, whenever that is
    for table in ("stg_customers", "stg_products", "stg_orders", "stg_order_items"):
        assert fetch(traps, f"select distinct dbt_loaded_at from ecommerce_staging.{table}") == [(LOADED,)]
    assert fetch(traps, "select distinct batch_id from ecommerce_staging.stg_orders") == [(1,)]


def test_b15_april_is_not_every_april(traps: Path) -> None:
    theirs = "select count(*) from orders where order_status = 'completed' and extract(month from day) = 4"
    assert tutorial.ask(traps, theirs) == [(9,)]
    ours = fetch(
        traps,
        "select cast(order_month_start as varchar), count(*) from ecommerce_staging.stg_orders"
        " where is_completed and order_month = 4 group by 1 order by 1",
    )
    assert ours == [("2021-04-01", 1), ("2024-04-01", 8)]
    months = fetch(
        traps, "select orders from ecommerce_marts.fct_sales_monthly where month_key = '2024-04-01'"
    )
    assert months == [(8,)]


def test_b18_one_clock_and_nothing_after_it(traps: Path) -> None:
    """The order dated 2099 is a slip of the pen: one makes everybody dead, and there is no second clock."""
    recency = (
        "select date_diff('day', max(cast(order_date as date)), (select max(cast(order_date as date)) from {raw}))"
        " from {raw} where customer_id = 8"
    ).format(raw="ecommerce_raw.raw_orders")
    assert fetch(traps, recency) == [(27643,)]
    assert row(traps, "marts.fct_customer_metrics", 8)["recency_days"] == 5
    assert fetch(traps, "select 1 from ecommerce_staging.stg_orders where order_id in (119, 120)") == []
    assert fetch(traps, "select 1 from ecommerce_staging.stg_customers where customer_id = 7") == []
    clocks = fetch(
        traps, "select distinct as_of_date, feature_generated_at from ecommerce_ml.ml_customer_features"
    )
    assert [(str(day), instant.isoformat()) for day, instant in clocks] == [
        ("2024-04-30", "2024-04-30T17:00:00+00:00")
    ]


def test_b47_an_order_in_no_time_or_before_its_customer_is_held(
    load_folder: Callable[..., Batch], settings: Settings, shop: Any, tmp_path: Path
) -> None:
    """A shop open from 2024 on has an order of 2019, and one of no day."""
    wrong = [{"order_id": 12, "order_date": "2019-02-01"}, {"order_id": 13, "order_date": ""}]
    orders = [*SHOP["orders"], *(SHOP["orders"][0] | order for order in wrong)]
    folder = write_csv(tmp_path / "in", SHOP | {"orders": orders})
    completed = "where lower(trim(status)) = 'completed'"
    theirs = duckdb.sql(f"select count(*) from '{folder}/raw_orders.csv' {completed}").fetchall()
    assert theirs == [(4,)]
    load_folder(folder)
    with connect(settings, shop.name) as connection:
        kept = connection.execute("select order_id from ecommerce_raw.raw_orders order by 1").fetchall()
        rules = "select _column, _rule from ecommerce_quarantine.raw_orders order by 1, 2"
        held = connection.execute(rules).fetchall()
    assert kept == [(10,), (11,)]
    assert held == [("order_date", "before_parent"), ("order_date", "missing_value")]
