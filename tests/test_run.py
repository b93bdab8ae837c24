"""`setia run` on files: the tutorial's golden figures, other zones, other days, and mappings."""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from setia.businesses import BUSINESSES
from setia.cli import app
from setia.settings import load as load_settings
from setia.warehouses import connect

CUSTOMERS = [
    (1, 0, 3, "247.92", 5, 3, 3, "371.880", "Very Low", "Loyal Customers"),
    (2, 56, 2, "205.93", 4, 2, 3, "308.895", "Very Low", "Big Spenders"),
    (3, 35, 2, "151.95", 4, 2, 2, "182.340", "Very Low", "New Customers"),
    (4, 49, 1, "159.98", 4, 1, 2, "191.976", "Very Low", "New Customers"),
    (5, 19, 1, "35.98", 5, 1, 1, "43.176", "Very Low", "New Customers"),
]
PRODUCTS = [
    (101, "179.94", 6, "89.94", "Performer"),
    (102, "149.97", 3, "74.97", "Average"),
    (103, "59.97", 3, "44.97", "Underperformer"),
    (104, "199.98", 2, "99.98", "Star"),
    (105, "149.99", 1, "119.99", "Performer"),
]


def run(home: Path, *arguments: str) -> dict:
    result = CliRunner().invoke(app, ["--home", str(home), "--json", "run", "ecommerce", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def assert_golden(home: Path, day: str) -> None:
    with connect(load_settings(home), "ecommerce", read_only=True) as connection:
        customers = connection.execute(
            "select customer_id, recency_days, frequency, monetary_value, recency_score, frequency_score,"
            " monetary_score, predicted_clv_12m, churn_risk, customer_segment"
            " from ecommerce_marts.fct_customer_metrics join"
            " (select customer_id, customer_segment from ecommerce_marts.dim_customer_segments)"
            " using (customer_id) order by customer_id"
        ).fetchall()
        products = connection.execute(
            "select product_id, revenue, units_sold, total_profit, performance_tier"
            " from ecommerce_marts.fct_product_performance order by product_id"
        ).fetchall()
        totals = connection.execute(
            "select sum(order_subtotal), sum(shipping_cost), sum(order_total), count(*)"
            " from ecommerce_marts.fct_orders"
        ).fetchall()
    golden = [(*row[:3], Decimal(row[3]), *row[4:7], Decimal(row[7]), *row[8:]) for row in CUSTOMERS]
    assert customers == golden, day
    assert products == [(row[0], Decimal(row[1]), row[2], Decimal(row[3]), row[4]) for row in PRODUCTS]
    assert totals == [(Decimal("739.85"), Decimal("61.91"), Decimal("801.76"), 9)]


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "America/New_York"])
def test_the_tutorials_rows_give_its_figures_in_any_zone(tmp_path, tutorial, monkeypatch, zone):
    monkeypatch.setenv("SETIA_TIMEZONE", zone)
    said = run(tmp_path / "home", "--source", str(tutorial), "--as-of", "2023-07-20")
    assert_golden(tmp_path / "home", zone)
    assert said["businesses"]["ecommerce"]["tables"]["orders"]["loaded"] == 10


def test_the_seeds_of_the_dbt_project_give_them_as_files_too(tmp_path):
    seeds = BUSINESSES["ecommerce"].dbt_project / "seeds" / "raw"
    run(tmp_path / "home", "--source", str(seeds), "--as-of", "2023-07-20")
    assert_golden(tmp_path / "home", "seeds")


def test_a_users_own_names_are_mapped(tmp_path, tutorial):
    theirs = shutil.copytree(tutorial, tmp_path / "theirs")
    text = (theirs / "raw_orders.csv").read_text()
    (theirs / "raw_orders.csv").unlink()
    text = text.replace("order_id,customer_id", "Nr;Who").replace(",", ";").replace("completed", "DONE")
    (theirs / "Sales 2023.csv").write_text(text)
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[tables.orders]\nfile = "Sales 2023.csv"\n'
        '[tables.orders.columns]\norder_id = "Nr"\ncustomer_id = "who"\n'
        '[tables.orders.values.status]\ndone = "completed"\n'
    )
    run(tmp_path / "home", "--source", str(theirs), "--mapping", str(mapping))
    assert_golden(tmp_path / "home", "mapped")


@pytest.mark.parametrize(
    ("spoil", "expected", "code"),
    [
        (lambda d: (d / "raw_orders.csv").unlink(), ["raw_orders.csv", "Found:", "[tables.orders]"], 1),
        (
            lambda d: (d / "raw_orders.csv").write_text("order_id,when\n1,2\n"),
            [
                "raw_orders.csv has no column 'customer_id'",
                "Found: order_id, when",
                "[tables.orders.columns]",
            ],
            1,
        ),
        (lambda d: (d / "raw_orders.csv").write_bytes(b"\xff\xfe\x00"), ["UTF-8", "iconv"], 1),
        (lambda d: (d / "raw_orders.csv").write_text(""), ["is empty"], 1),
    ],
    ids=["missing file", "missing column", "not UTF-8", "empty"],
)
def test_bad_files_are_named_with_what_to_write(tmp_path, tutorial, spoil, expected, code):
    folder = shutil.copytree(tutorial, tmp_path / "in")
    spoil(folder)
    result = CliRunner().invoke(
        app, ["--home", str(tmp_path / "home"), "run", "ecommerce", "--source", str(folder)]
    )
    said = result.output + result.stderr
    assert result.exit_code == code
    assert all(part in said for part in expected), said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["status", "bakery"], "Businesses: movie_streaming, ecommerce"),
        (["run", "ecommerce", "--mapping", "x.toml"], "no mapping file"),
        (["why", "ecommerce", "--rule", "bad_luck"], "Rules: missing_key"),
        (["ingest", "--hours", "1", "--until", "2024-01-01"], "Leave one"),
        (["demo", "--customers", "0"], "customers is 0"),
        (["run", "ecommerce", "--unknown"], "No such option"),
    ],
)
def test_bad_usage_exits_with_two_and_starts_nothing(tmp_path, arguments, expected):
    result = CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *arguments])
    assert result.exit_code == 2
    assert expected in result.output + result.stderr
    assert not (tmp_path / "home" / "warehouse").exists()


def test_settings_are_checked_before_anything_starts(tmp_path, monkeypatch):
    for name, value, expected in (
        ("SETIA_TIMEZON", "UTC", "not a known setting"),
        ("SETIA_TIMEZONE", "Mars/Olympus", "IANA"),
        ("SETIA_CURRENCY", "rupiah", "ISO 4217"),
        ("SETIA_WAREHOUSE", "snowflake", "duckdb"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            result = CliRunner().invoke(app, ["--home", str(tmp_path), "status"])
        assert result.exit_code == 2, name
        assert expected in result.output + result.stderr


def test_a_home_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    result = CliRunner().invoke(app, ["--home", str(tmp_path / "file"), "init", "ecommerce"])
    assert result.exit_code == 1
    assert "can't be used" in result.output + result.stderr
