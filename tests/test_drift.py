"""What becomes of a source's columns that are new, dropped, renamed, retyped or widened: never a silent NULL."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from conftest import SHOP as ROWS
from conftest import write_csv
from loaded_homes import CUSTOMER, Home, end, execute, make, order
from setia.cli import app
from setia.errors import SourceError
from setia.warehouses import quote

pytestmark = pytest.mark.usefixtures("from_server")


@pytest.fixture
def carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "carry")


def told(batch: Any) -> dict[str, tuple[str, str]]:
    """Column -> (change, outcome)."""
    return {each["column"]: (each["change"], each["outcome"]) for each in batch.drift}


def as_one_load(home: Home, tmp_path: Path, folder: Path | None = None) -> bool:
    """Whether the home is the source, and what a first load into an empty home makes of it."""
    fresh = Home(tmp_path / f"fresh{len(list(tmp_path.iterdir()))}")
    fresh.load(folder)
    return home.is_source(folder) and end(home) == end(fresh)


# ---- new columns -----------------------------------------------------------------------------


def test_a_new_column_is_reported_once_and_left_out(dsn, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1))
    assert home.load().drift == ()
    execute(dsn, "alter table ecommerce.orders add channel text default 'web'")
    batch = home.load()
    (drift,) = batch.drift
    assert (drift["table"], drift["column"], drift["change"]) == ("orders", "channel", "new")
    assert "SETIA_NEW_COLUMNS=carry" in drift["outcome"]
    assert home.load().drift == ()
    with pytest.raises(duckdb.BinderException):
        home.raw("orders", "channel")
    assert home.is_source()


def test_a_carried_column_has_the_values_of_rows_that_were_loaded_before(dsn, home, tracked, carry):
    make(dsn, tracked, CUSTOMER, order(1), order(2, 9))
    home.load()
    execute(dsn, "alter table ecommerce.orders add channel int default 7", order(3, channel="8"))
    assert told(home.load())["channel"] == ("new", "carried into raw as text")
    assert home.raw("orders", "order_id", "channel") == [(1, "7"), (3, "8")]
    execute(dsn, "insert into ecommerce.customers (customer_id) values (9)")
    home.load()
    assert home.raw("orders", "order_id", "channel") == [(1, "7"), (2, "7"), (3, "8")]
    execute(dsn, "update ecommerce.orders set channel = 9 where order_id = 1")
    home.load()
    assert home.raw("orders", "order_id", "channel")[0] == (1, "9")
    assert home.is_source()
    execute(dsn, "alter table ecommerce.orders drop column channel", order(4))
    assert told(home.load())["channel"] == ("dropped", "NULL in rows that come from now on")
    assert home.raw("orders", "order_id", "channel")[-1] == (4, None)
    assert home.is_source()


def test_carrying_can_be_switched_on_after_the_column_was_reported(dsn, home, tracked, monkeypatch):
    make(dsn, tracked, "alter table ecommerce.orders add channel text", CUSTOMER, order(1, channel="'web'"))
    assert "SETIA_NEW_COLUMNS=carry" in told(home.load())["channel"][1]
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "carry")
    execute(dsn, order(2, channel="'app'"))
    home.load()
    assert home.raw("orders", "order_id", "channel") == [(1, "web"), (2, "app")]
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "report")
    execute(dsn, order(3, channel="'tv'"))
    home.load()
    assert home.raw("orders", "order_id", "channel")[-1] == (3, "tv")
    assert home.is_source()


def test_a_carried_name_that_clashes_with_ours_is_left_out_and_said_so(dsn, home, tracked, carry):
    make(
        dsn,
        tracked,
        'alter table ecommerce.orders add "STATUS" text default 1, add _batch_id text, add "_x" text',
        CUSTOMER,
        order(1),
    )
    found = told(home.load())
    assert {"STATUS", "_batch_id", "_x"} == found.keys()
    assert all(outcome.startswith("left out") for _, outcome in found.values())
    assert home.raw("orders", "order_id", "status") == [(1, "completed")]
    assert home.is_source()


def test_of_two_new_columns_that_differ_in_case_one_is_carried_and_the_other_told(dsn, home, carry):
    make(dsn, False, 'alter table ecommerce.orders add "Note" text, add note text', CUSTOMER)
    execute(dsn, order(1, Note="'a'", note="'b'"))
    found = told(home.load())
    assert sorted(outcome.split()[0] for _, outcome in found.values()) == ["carried", "left"]
    assert home.is_source()


def test_a_carried_column_that_is_renamed_to_another_case_keeps_its_values_or_says_so(dsn, home, carry):
    make(dsn, False, 'alter table ecommerce.orders add "Note" text', CUSTOMER, order(1, Note="'a'"))
    home.load()
    execute(dsn, 'alter table ecommerce.orders rename "Note" to note')
    found = told(home.load())
    (value,) = home.raw("orders", "note")
    assert value == ("a",) or (found["note"][1].startswith("left out") and found["Note"][0] == "dropped")


PLAIN = [
    "email?",
    "rowid",
    "source",
    "own",
    "key",
    "hash",
    "kept",
    "$",
    "a:b",
    'a"b',
    "it's",
    "a\\b",
    "two words",
]
PLAIN += [
    "line\nbreak",
    "100%",
    "é",
    "😀",
    "select",
    "x" * 63,
    "$1",
    "{}",
    "tab\t",
    "'; drop table canary; --",
]
NAMES = [
    [name]
    for name in ("c1", "c2", "order_id?", "is_duplicate", "a.b", "a[0]", "*", '"; drop table canary; --')
]


@pytest.mark.parametrize("names", [PLAIN, *NAMES], ids=lambda names: names[0])
def test_a_carried_column_may_have_any_name_and_a_held_row_keeps_its_value(dsn, home, carry, names):
    columns = ", ".join(f"add {quote(name)} text" for name in names)
    make(dsn, False, f"alter table ecommerce.orders {columns}", CUSTOMER, "create table ecommerce.canary ()")

    def row(key: int, customer: int = 1, **more: str) -> str:
        return order(key, customer, **{name: f"'{key} {place}'" for place, name in enumerate(names)}, **more)

    def value(key: int) -> tuple[Any, ...]:
        return (key, *(f"{key} {place}" for place in range(len(names))))

    execute(dsn, row(1), row(2, 9), row(3, status="'zzz'"))
    home.load()
    assert home.held("orders") == [("2", "orphan", "customer_id"), ("3", "unknown_value", "status")]
    found = [tuple(row[name] for name in ("order_id", *names)) for row in home.came_as("orders")]
    assert found == [value(2), value(3)]
    assert home.is_source()
    execute(
        dsn,
        "insert into ecommerce.customers (customer_id) values (9)",
        "update ecommerce.orders set status = 'completed' where order_id = 3",
    )
    home.load()
    assert home.raw("orders", "order_id", *names) == [value(1), value(2), value(3)]
    assert home.is_source()
    execute(dsn, "drop table ecommerce.canary")


# ---- dropped and renamed columns -------------------------------------------------------------


def test_a_dropped_optional_column_is_null_from_then_on_and_told(dsn, tmp_path, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1, currency="'IDR'"), order(2, 9, currency="'IDR'"))
    home.load()
    execute(dsn, "alter table ecommerce.orders drop column currency")
    assert told(home.load()) == {"currency": ("dropped", "NULL in rows that come from now on")}
    assert home.raw("orders", "order_id", "currency") == [(1, None)]
    assert home.load().drift == ()
    assert as_one_load(home, tmp_path)


@pytest.mark.parametrize("change", ["drop column shipping_cost", "rename shipping_cost to postage"])
def test_without_a_column_that_is_needed_nothing_is_read(dsn, home, tracked, change):
    make(dsn, tracked, CUSTOMER, order(1))
    home.load()
    before = home.content()
    execute(dsn, order(2), f"alter table ecommerce.orders {change}")
    with pytest.raises(SourceError) as caught:
        home.load()
    assert "no column 'shipping_cost'" in caught.value.wrong
    assert "customer_id" in caught.value.right
    assert ("postage" in caught.value.right) == ("rename" in change)
    assert "[tables.orders.columns]" in caught.value.do
    assert home.content() == before
    execute(
        dsn,
        "alter table ecommerce.orders add shipping_cost numeric default 5"
        if "drop" in change
        else "alter table ecommerce.orders rename postage to shipping_cost",
    )
    home.load()
    assert len(home.raw("orders")) == 2


def test_a_renamed_optional_column_is_told_as_both(dsn, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1, currency="'IDR'"))
    home.load()
    execute(dsn, "alter table ecommerce.orders rename currency to coin")
    found = told(home.load())
    assert found["currency"][0] == "dropped"
    assert found["coin"][0] == "new"
    assert home.raw("orders", "currency") == [(None,)]
    execute(dsn, "alter table ecommerce.orders rename coin to currency")
    home.load()
    assert home.raw("orders", "currency") == [("IDR",)]
    assert home.is_source()


# ---- files -----------------------------------------------------------------------------------


def folder_of(path: Path, **tables: list[dict[str, Any]]) -> Path:
    return write_csv(path, copy.deepcopy(ROWS) | tables)


def test_files_with_a_new_column_report_it_or_carry_it(tmp_path, home, monkeypatch):
    orders = [row | {"channel": f"web{row['order_id']}"} for row in ROWS["orders"]]
    home.load(folder_of(tmp_path / "a"))
    found = told(home.load(folder_of(tmp_path / "b", orders=orders)))
    assert found["channel"] == ("new", "left out of raw; SETIA_NEW_COLUMNS=carry takes it in")
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "carry")
    home.load(folder_of(tmp_path / "b", orders=orders))
    assert home.raw("orders", "order_id", "channel") == [(10, "web10"), (11, "web11")]
    assert home.is_source(tmp_path / "b")
    batch = home.load(folder_of(tmp_path / "c", orders=ROWS["orders"][:1]))
    assert told(batch)["channel"][0] == "dropped"
    assert home.raw("orders", "order_id", "channel") == [(10, None), (11, "web11")]


def test_files_without_a_column_say_so_or_are_refused(tmp_path, home):
    orders = [row | {"currency": "IDR"} for row in ROWS["orders"]]
    home.load(folder_of(tmp_path / "a", orders=orders))
    assert told(home.load(folder_of(tmp_path / "b")))["currency"][0] == "dropped"
    assert home.raw("orders", "currency") == [(None,), (None,)]
    before = home.content()
    less = [{name: value for name, value in row.items() if name != "status"} for row in orders]
    with pytest.raises(SourceError, match="no column 'status'"):
        home.load(folder_of(tmp_path / "c", orders=less))
    assert home.content() == before


# ---- it is said ------------------------------------------------------------------------------


def test_the_command_line_says_what_changed_in_words_and_as_json(dsn, tmp_path):
    make(dsn, False, CUSTOMER, order(1))
    call = ["--home", str(tmp_path / "home"), "load", "ecommerce"]
    assert CliRunner().invoke(app, call).exit_code == 0
    execute(dsn, "alter table ecommerce.orders add channel text, drop column currency")
    shown = CliRunner().invoke(app, call).output
    assert "orders in the source: column 'channel' is new; left out of raw" in shown
    assert "orders in the source: column 'currency' is dropped; NULL in rows" in shown
    execute(dsn, "alter table ecommerce.orders alter channel type int using 1")
    data = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    (drift,) = data["businesses"]["ecommerce"]["drift"]
    assert drift["change"] == "retyped from text to integer"


def test_a_run_says_as_json_what_changed_and_what_it_reconciled(tmp_path, tutorial):
    call = ["--home", str(tmp_path / "home"), "run", "ecommerce", "--source", str(tmp_path / "in"), "--json"]
    shutil.copytree(tutorial, tmp_path / "in")
    orders = tmp_path / "in" / "raw_orders.csv"
    header, *lines = orders.read_text().splitlines()
    orders.write_text("\n".join([f"{header},channel", *(f"{line},web" for line in lines), ""]))
    data = json.loads(CliRunner().invoke(app, call).output)["businesses"]["ecommerce"]
    assert [each["column"] for each in data["drift"]] == ["channel"]


def test_the_record_of_batches_keeps_what_changed(dsn, home):
    make(dsn, False, "alter table ecommerce.orders add channel text", CUSTOMER, order(1))
    home.load()
    ((drift,),) = home.ask("select cast(drift as varchar) from ecommerce_raw._batches")
    assert json.loads(drift)[0]["column"] == "channel"
