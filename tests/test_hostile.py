"""Hostile names and values: what once lost a row, read another file, or drove the terminal."""

import copy
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from conftest import SHOP, write_csv
from setia import pipeline, postgres, quarantine, terminal
from setia.cli import app
from setia.errors import UsageError
from setia.mapping import read_mapping
from setia.settings import load as load_settings
from setia.warehouses import connect


def orders(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    template = SHOP["orders"][0] | {"updated_at": ""}
    return copy.deepcopy(SHOP) | {
        "orders": [template | row for row in rows],
        "order_items": SHOP["order_items"][:0],
    }


def write(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> Path:
    lines = tables | {"order_items": tables["order_items"] or SHOP["order_items"]}
    return write_csv(folder, lines)


def content(settings) -> tuple[list[Any], list[Any]]:
    with connect(settings, "ecommerce", read_only=True) as connection:
        alive = "select order_id, customer_id from ecommerce_raw.raw_orders where _deleted_at is null order by all"
        held = "select _key, _rule from ecommerce_quarantine.raw_orders order by all"
        return connection.execute(alive).fetchall(), connection.execute(held).fetchall()


@pytest.mark.parametrize(
    ("first", "second"), [("2024-01-07", "2024-01-08"), ("", "")], ids=["dated", "undated"]
)
def test_a_corrected_orphan_is_not_lost(tmp_path, settings, load_folder, first, second):
    load_folder(write(tmp_path / "in", orders({"order_id": 11, "customer_id": 99, "updated_at": first})))
    load_folder(write(tmp_path / "in", orders({"order_id": 11, "customer_id": 1, "updated_at": second})))
    assert content(settings) == ([(11, 1)], [])


def test_a_held_row_survives_an_older_version_of_itself(tmp_path, settings, load_folder):
    load_folder(
        write(tmp_path / "in", orders({"order_id": 11, "customer_id": 99, "updated_at": "2024-01-07"}))
    )
    load_folder(
        write(tmp_path / "in", orders({"order_id": 11, "customer_id": 1, "updated_at": "2024-01-06"}))
    )
    assert content(settings) == ([], [("11", "orphan")])


@pytest.mark.parametrize("name", ["rowid", "source", "_rule", "_n", "stage", 'a"b', "select", "c1"])
def test_no_name_of_theirs_means_something_here(tmp_path, settings, shop, load_folder, name):
    tables = orders({"order_id": 11}, {"order_id": 11}, {"order_id": 12, "customer_id": 99})
    tables["orders"] = [{name: "same"} | row for row in tables["orders"]]
    batch = load_folder(write(tmp_path / "in", tables))
    assert (batch.tables["orders"].loaded, batch.tables["orders"].duplicates) == (1, 1)
    with connect(settings, shop.name, read_only=True) as connection:
        (held,) = quarantine.rows(connection, shop, "orders")
    assert held["key"] == "12"
    assert '"same"' in held["row"]
    assert '" Completed "' in held["row"]


def test_brackets_in_a_path_are_no_pattern(tmp_path, settings, load_folder):
    write(tmp_path / "inA", orders({"order_id": 77}))
    load_folder(write(tmp_path / "in[A]", orders({"order_id": 11})))
    assert content(settings)[0] == [(11, 1)]


def test_the_whole_truth_replaces_what_was_there(tmp_path, settings, shop):
    def full(*rows: dict[str, Any]) -> None:
        folder = write(tmp_path / "in", orders(*rows))
        pipeline.load(settings, shop, pipeline.From(folder), True, lambda what, done, of: None)

    full({"order_id": 11, "updated_at": "2024-01-02"}, {"order_id": 12, "updated_at": "2024-01-02"})
    full({"order_id": 11, "updated_at": "2024-01-02"})
    full({"order_id": 11, "updated_at": "2024-01-02"}, {"order_id": 12, "updated_at": "2024-01-01"})
    assert content(settings) == ([(11, 1), (12, 1)], [])
    full({"order_id": 11, "status": "zzz"}, {"order_id": 13, "customer_id": 99})
    assert content(settings) == ([], [("11", "unknown_value"), ("13", "orphan")])
    full({"order_id": 11})
    assert content(settings) == ([(11, 1)], [])


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("2023-02-01T10:00Z", True),
        ("2024-02-01 10:00:00 +0700", True),
        ("2024-02-01T10:00+07:00", True),
        ("2024-02-01 garbage", False),
        ("2024-02-30", False),
        ("epoch", False),
        ("today", False),
        ("01/02/2024", False),
        ("0001-01-01", False),
    ],
)
def test_a_time_is_read_as_written_or_not_at_all(tmp_path, settings, movies, load_folder, text, accepted):
    folder = tmp_path / "movies"
    user = {"user_id": 1, "name": "", "email": "", "country": "", "city": "", "join_date": text}
    movie = {
        "movie_id": 1,
        "title": "",
        "genre": "",
        "release_year": 2000,
        "duration_min": 90,
        "language": "",
    }
    rating = {
        "rating_id": 1,
        "user_id": 2,
        "movie_id": 1,
        "rating_score": 3,
        "rating_date": text,
        "review_text": "",
    }
    users = [
        user | {"subscription_status": "active"},
        user | {"user_id": 2, "join_date": "2020-01-01", "subscription_status": "active"},
    ]
    batch = load_folder(write_csv(folder, {"users": users, "movies": [movie], "ratings": [rating]}), movies)
    assert batch.tables["users"].loaded == 1 + accepted
    assert batch.tables["ratings"].loaded == accepted


def test_numbers_that_are_not_plain_are_refused_and_float_keys_are_whole(tmp_path, settings, load_folder):
    folder = write(tmp_path / "in", orders({"order_id": 11, "shipping_cost": "1_000"}, {"order_id": 12}))
    (folder / "raw_customers.csv").unlink()
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select * from (values (1.0::double, '', '', '', 'ID', date '2024-01-01'),"
            " ('nan'::double, '', '', '', 'ID', date '2024-01-01'))"
            " as t(customer_id, email, first_name, last_name, country, created_at)) to ? (format parquet)",
            [str(folder / "raw_customers.parquet")],
        )
    batch = load_folder(folder)
    assert batch.tables["customers"].quarantined == 1
    assert content(settings) == ([(12, 1)], [("11", "not_parseable")])


@pytest.mark.parametrize(
    "text",
    [
        "tables = 5",
        "[[tables]]",
        "[tables]\norders = 5",
        "[tables.orders]\nfile = 5",
        "[tables.orders.columns]\norder_id = 5",
        '[tables.orders.columns]\norder_id = ""',
        '[tables.orders.values]\nstatus = "x"',
        '[tables.orders.constants]\nstatus = "a\\u0000b"',
        "[tables.bread]",
        "[tables.orders.columns]\nflour = 'x'",
        "not toml at all",
    ],
)
def test_a_senseless_mapping_is_refused_in_words(tmp_path, shop, text):
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_mapping(path, shop)


def test_data_does_not_drive_the_terminal(tmp_path):
    said = terminal.plain("x[red]\x1b[31m\x07\u009b\u202e\nnext")
    assert said == "x[red]\\x1b[31m\\x07\\x9b\\x202e\nnext"
    folder = write(tmp_path / "in", orders({"order_id": "x\x1b[31m", "customer_id": 99}))
    runner = CliRunner()
    home = ("--home", str(tmp_path / "home"))
    assert runner.invoke(app, [*home, "load", "ecommerce", "--source", str(folder)]).exit_code == 0
    shown = runner.invoke(app, [*home, "why", "ecommerce"]).output
    assert "orphan" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "url", ["host=127.0.0.1 password=sekret", "postgresql://u:sekret@h:99999999/x", "mysql://u:sekret@h/x"]
)
def test_a_bad_address_is_refused_without_showing_its_password(tmp_path, monkeypatch, url):
    monkeypatch.setenv("SETIA_POSTGRES_URL", url)
    with pytest.raises(UsageError) as caught:
        load_settings(tmp_path)
    assert "sekret" not in str(caught.value)


def test_what_postgresql_holds_is_what_raw_holds(tmp_path, dsn, shop, monkeypatch):
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    settings = load_settings(tmp_path / "home")

    def step(*statements: str, full: bool = False) -> None:
        with postgres.transaction(dsn) as cursor:
            for statement in statements:
                cursor.execute(statement)
        pipeline.load(settings, shop, None, full, lambda what, done, of: None)

    with postgres.transaction(dsn) as cursor:
        postgres.create(cursor, shop)
    insert = "insert into ecommerce.orders (order_id, customer_id, order_date, status) values "
    step(
        "insert into ecommerce.customers (customer_id) values (1)",
        'alter table ecommerce.orders add "Status" text, add nested int[]',
        insert + "(11, 1, '2024-02-01', 'completed'), (12, 99, '2024-02-01', 'completed')",
        "update ecommerce.orders set nested = '{{1,2}}'",
    )
    assert content(settings) == ([(11, 1)], [("12", "orphan")])
    step(
        "alter table ecommerce.orders drop column tax_amount",
        "alter table ecommerce.orders add tax_amount numeric default 3",
    )
    with connect(settings, shop.name, read_only=True) as connection:
        assert connection.execute("select tax_amount from ecommerce_raw.raw_orders").fetchall() == [(3,)]
    step("delete from ecommerce.orders where order_id = 12", full=True)
    step("insert into ecommerce.customers (customer_id) values (99)")
    assert content(settings) == ([(11, 1)], [])
