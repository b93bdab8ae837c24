"""The shop's dbt project: the tutorial's figures on its own rows, and each trap on rows made to fall into it."""

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from ecommerce_warehouse import AS_OF, NEXT_DAY, PROJECT, build, dbt, fetch, insert, row, write_raw

# ---- the tutorial's rows -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(commands: dict[str, str]) -> Path:
    """The sample warehouse after the tutorial's own commands, which compiled the analyses, too."""
    return Path(commands["home"]) / "sample.duckdb"


CUSTOMERS = {
    1: (0, 3, "247.92", 5, 3, 3, "371.880", "Very Low", "Loyal Customers"),
    2: (56, 2, "205.93", 4, 2, 3, "308.895", "Very Low", "Big Spenders"),
    3: (35, 2, "151.95", 4, 2, 2, "182.340", "Very Low", "New Customers"),
    4: (49, 1, "159.98", 4, 1, 2, "191.976", "Very Low", "New Customers"),
    5: (19, 1, "35.98", 5, 1, 1, "43.176", "Very Low", "New Customers"),
}
PRODUCTS = {
    101: ("179.94", 6, "89.94", "Performer"),
    102: ("149.97", 3, "74.97", "Average"),
    103: ("59.97", 3, "44.97", "Underperformer"),
    104: ("199.98", 2, "99.98", "Star"),
    105: ("149.99", 1, "119.99", "Performer"),
}


def test_the_tutorials_customers_come_out_to_the_cent(sample: Path) -> None:
    rows = fetch(
        sample,
        "select customer_id, metrics.recency_days, frequency, metrics.monetary_value, metrics.recency_score,"
        " metrics.frequency_score, metrics.monetary_score, metrics.predicted_clv_12m, metrics.churn_risk,"
        " customer_segment from ecommerce_marts.fct_customer_metrics as metrics"
        " join ecommerce_marts.dim_customer_segments using (customer_id)",
    )
    expected = {
        key: (*value[:2], Decimal(value[2]), *value[3:6], Decimal(value[6]), *value[7:])
        for key, value in CUSTOMERS.items()
    }
    assert {key: tuple(values) for key, *values in rows} == expected


def test_the_tutorials_products_come_out_to_the_cent(sample: Path) -> None:
    rows = fetch(
        sample,
        "select product_id, revenue, units_sold, total_profit, performance_tier"
        " from ecommerce_marts.fct_product_performance",
    )
    expected = {key: (Decimal(a), b, Decimal(c), d) for key, (a, b, c, d) in PRODUCTS.items()}
    assert {key: tuple(values) for key, *values in rows} == expected


def test_the_tutorials_totals_reconcile(sample: Path) -> None:
    [totals] = fetch(
        sample,
        "select sum(order_subtotal), sum(shipping_cost), sum(order_total), count(*)"
        " from ecommerce_marts.fct_orders",
    )
    [months] = fetch(sample, "select sum(net_sales), sum(orders) from ecommerce_marts.fct_sales_monthly")
    assert totals == (Decimal("739.85"), Decimal("61.91"), Decimal("801.76"), 9)
    assert months == (Decimal("739.85"), 9)


def test_every_analysis_of_the_tutorial_runs(sample: Path) -> None:
    compiled = sorted((sample.parent / "target").glob("compiled/*/analyses/*.sql"))
    assert len(compiled) == 7
    counts = {path.stem: len(fetch(sample, path.read_text())) for path in compiled}
    assert counts["customer_segment_distribution"] == 3
    assert counts["top_products_by_tier"] == 3
    assert counts["rfm_heatmap"] == 4
    assert counts["marketing_budget"] == 3
    assert counts["customer_product_affinity"] == 10
    assert counts["winback_targets"] == 0


def test_the_tags_of_the_tutorial_are_on_its_models(sample: Path) -> None:
    nodes = json.loads((sample.parent / "target/manifest.json").read_text())["nodes"].values()
    tags = {node["name"]: set(node["tags"]) for node in nodes if node["resource_type"] == "model"}
    assert tags["stg_orders"] == {"staging"}
    assert tags["int_customer_rfm"] == {"intermediate", "customer", "rfm"}
    assert tags["int_product_metrics"] == {"intermediate", "product"}
    assert tags["dim_customer_segments"] == {"marts", "customer", "segmentation"}
    assert tags["fct_customer_metrics_incremental"] == {"marts", "customer", "incremental"}
    assert tags["ml_customer_features"] == {"ml", "features"}


# ---- both segmentations cover every combination of scores ---------------------------------------------


def macros() -> dict[str, Any]:
    """The project's own macros as functions that return their SQL, or the value that they `return()`."""
    returned: list[Any] = []
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(PROJECT / "macros"))
    environment.globals["return"] = lambda value: returned.append(value) or ""
    cells = environment.get_template("rfm_segment_cells.sql").make_module()
    cells.rfm_segment_cells()
    environment.globals["rfm_segment_cells"] = lambda: returned[0]
    return {
        "cells": returned[0],
        "rfm_segment": environment.get_template("rfm_segment.sql").make_module().rfm_segment,
        "customer_segment": environment.get_template("customer_segment.sql").make_module().customer_segment,
    }


def test_each_of_the_125_cells_has_exactly_one_segment() -> None:
    made = macros()
    listed = [cell for cells in made["cells"].values() for cell in cells.split()]
    assert len(listed) == 125
    assert set(listed) == {f"{r}{f}{m}" for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)}
    counted = duckdb.sql(
        f"with cells as (select unnest({sorted(listed)}) as cell)"
        f" select {made['rfm_segment']('cell')} as segment, count(*) from cells group by 1"
    ).fetchall()
    assert dict(counted) == {
        "Champions": 7, "Loyal": 8, "Potential Loyalist": 24, "New": 7, "Promising": 16, "Need Attention": 8,
        "About To Sleep": 8, "At Risk": 22, "Cannot Lose Them": 8, "Hibernating": 11, "Lost": 6,
    }  # fmt: skip


def test_the_tutorials_nine_segments_cover_every_score_in_its_order() -> None:
    segment = macros()["customer_segment"]("r", "f", "m")
    counted = duckdb.sql(
        "with scores as (select r, f, m from range(1, 6) a(r), range(1, 6) b(f), range(1, 6) c(m))"
        f" select {segment} as segment, count(*) from scores group by 1"
    ).fetchall()
    assert dict(counted) == {
        "Champions": 8, "Loyal Customers": 19, "New Customers": 8, "Big Spenders": 18, "At Risk": 18,
        "Cant Lose Them": 12, "Hibernating": 16, "Lost": 1, "Others": 25,
    }  # fmt: skip
    [[nobody]] = duckdb.sql(f"select {macros()['customer_segment']('null', 'null', 'null')}").fetchall()
    assert nobody == "Prospect"


# ---- rows made to fall into the traps -------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the trap rows after `dbt build`, all of whose tests passed."""
    home = tmp_path_factory.mktemp("shop")
    write_raw(home / "shop.duckdb")
    printed = build(home, "build", AS_OF)
    assert re.search(r"WARN 1 completed_order_has_lines", printed), "B16: an order without lines is reported"
    return home / "shop.duckdb"


def test_months_without_orders_are_there_and_the_last_one_is_judged_by_as_of(shop: Path) -> None:
    months = fetch(
        shop,
        "select cast(month_key as varchar), orders, new_customers, churned_customers, live_customers, is_complete"
        " from ecommerce_marts.fct_sales_monthly order by 1",
    )
    assert months == [
        ("2024-01-01", 1, 1, 0, 1, True),
        ("2024-02-01", 0, 0, 0, 1, True),
        ("2024-03-01", 0, 0, 0, 1, True),
        ("2024-04-01", 5, 4, 1, 4, True),
    ]


def test_a_missing_as_of_is_explained(shop: Path) -> None:
    printed = dbt(shop.parent, "compile", "--target", "duckdb", "--select", "stg_orders", fails=True)
    assert "The variable as_of is not set." in printed
    assert "Add --vars" in printed


# ---- the incremental twin ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def increments(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built shop; the tests below take it forward in the order that they are written in."""
    home = tmp_path_factory.mktemp("increments") / "home"
    shutil.copytree(shop.parent, home)
    return home / "shop.duckdb"


def differing_rows(file: Path) -> list[tuple[Any, ...]]:
    full, twin = (f"ecommerce_marts.fct_customer_metrics{suffix}" for suffix in ("", "_incremental"))
    return fetch(file, f"(from {full} except all from {twin}) union all (from {twin} except all from {full})")


def test_b37_the_incremental_table_equals_the_full_one_after_changes(increments: Path) -> None:
    """An old customer's new order, a deleted order, a line and a customer that vanished: all must be noticed."""
    before = row(increments, "marts.fct_customer_metrics_incremental", 4)
    with duckdb.connect(str(increments)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        new = {
            "order_id": 20,
            "customer_id": 4,
            "order_date": "2024-04-29 03:00:00+00",
            "status": "completed",
        }
        insert(connection, "raw_orders", new | {"_batch_id": 2})
        line = {"order_item_id": 20, "order_id": 20, "product_id": 1, "quantity": 60, "unit_price": 10}
        insert(connection, "raw_order_items", line | {"_batch_id": 2})
        connection.execute(
            "update ecommerce_raw.raw_orders set _deleted_at = '2024-05-01', _batch_id = 2 where order_id = 5"
        )
        connection.execute("delete from ecommerce_raw.raw_order_items where order_item_id = 5")
        connection.execute(
            "update ecommerce_raw.raw_customers set _deleted_at = '2024-05-01' where customer_id = 3"
        )
    build(increments.parent, "run", AS_OF)
    after = row(increments, "marts.fct_customer_metrics_incremental", 4)
    assert (before["frequency"], after["frequency"], after["monetary_value"]) == (1, 2, 607)
    assert row(increments, "marts.fct_customer_metrics_incremental", 5)["frequency"] == 0
    assert row(increments, "marts.fct_customer_metrics_incremental", 6)["monetary_value"] == 0
    assert len(fetch(increments, "from ecommerce_marts.fct_customer_metrics")) == 5
    assert differing_rows(increments) == []


def test_a_shop_without_a_single_sale_passes_its_tests_a_day_later(increments: Path) -> None:
    """No batch says so here: that as_of has moved is enough for the incremental table to follow."""
    with duckdb.connect(str(increments)) as connection:
        connection.execute("update ecommerce_raw.raw_orders set status = 'pending'")
    build(increments.parent, "build", NEXT_DAY)
    tiers = fetch(increments, "select distinct performance_tier from ecommerce_marts.fct_product_performance")
    segments = fetch(
        increments, "select distinct customer_segment from ecommerce_marts.dim_customer_segments"
    )
    assert (tiers, segments) == ([("No sales",)], [("Prospect",)])
    assert differing_rows(increments) == []
