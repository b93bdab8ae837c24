"""Reconciling: source and raw with quarantine agree key by key, or the keys that differ are named."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from conftest import SHOP as ROWS
from conftest import write_csv
from loaded_homes import CUSTOMER, Home, execute, make, order
from setia import reconcile
from setia.cli import app
from setia.errors import SourceError, WarehouseError
from setia.settings import load as load_settings

pytestmark = pytest.mark.usefixtures("from_server")

RAW, HELD = "ecommerce_raw.raw_orders", "ecommerce_quarantine.raw_orders"


def call(home: Home, *more: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home.path), "reconcile", "ecommerce", *more])


def differing(home: Home, folder: Path | None = None, table: str = "orders") -> dict[str, list[str]]:
    """The keys that differ, by kind; every other table is as the source has it."""
    found = home.reconcile(folder)
    assert all(each.ok for name, each in found.items() if name != table)
    assert found[table].counts == {kind: len(keys) for kind, keys in found[table].keys.items()}
    return {kind: keys for kind, keys in found[table].keys.items() if keys}


# ---- equal -----------------------------------------------------------------------------------


def test_after_a_load_source_and_raw_are_equal_and_the_command_says_so(dsn, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1), order(2), order(3, 9))
    home.load()
    said = call(home)
    assert said.exit_code == 0
    assert "Raw is the source." in said.output
    data = json.loads(call(home, "--json").output)
    orders = next(each for each in data["businesses"]["ecommerce"] if each["table"] == "orders")
    assert (data["ok"], orders["ok"]) == (True, True)
    assert (orders["source_rows"], orders["raw_rows"], orders["quarantined_rows"]) == (3, 2, 1)


def test_reconciling_changes_nothing_and_is_in_the_ledger(dsn, home):
    make(dsn, False, CUSTOMER, order(1))
    home.load()
    file = load_settings(home.path).warehouse_file("ecommerce")
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    execute(dsn, order(2))
    assert differing(home) == {"pending": ["2"]}
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    status = json.loads(CliRunner().invoke(app, ["--home", str(home.path), "status", "--json"]).output)
    assert [run["step"] for run in status["businesses"]["ecommerce"]["runs"]] == ["reconcile", "load"]


def test_what_was_never_loaded_is_said_in_words(dsn, home):
    make(dsn, False, "drop table ecommerce.orders")
    with pytest.raises(WarehouseError, match="no warehouse"):
        home.reconcile()
    with pytest.raises(SourceError, match="no readable table"):
        home.load()  # leaves a warehouse without anything in it
    make(dsn, False, CUSTOMER)
    said = call(home)
    assert said.exit_code == 1
    assert "Catalog Error" not in said.output
    assert "load ecommerce" in said.output


# ---- tampered --------------------------------------------------------------------------------

TAMPERED = {
    "a row is gone": (f"delete from {RAW} where order_id = '2'", {"missing": ["2"]}),
    "a cell is another": (f"update {RAW} set shipping_cost = 1.0001 where order_id = '2'", {"different": ["2"]}),
    "a cell is empty": (f"update {RAW} set currency = '' where order_id = '2'", {"different": ["2"]}),
    "a cell has a space more": (f"update {RAW} set status = 'completed ' where order_id = '3'", {"different": ["3"]}),
    "a time is a microsecond late": (
        f"update {RAW} set order_date = order_date + interval 1 microsecond where order_id = '3'",
        {"different": ["3"]},
    ),
    "a row more": (
        f"insert into {RAW} by name select * replace ('77' as order_id) from {RAW} where order_id = '2'",
        {"extra": ["77"]},
    ),
    "a key is another": (f"update {RAW} set order_id = '78' where order_id = '3'", {"missing": ["3"], "extra": ["78"]}),
    "two rows have changed places": (
        f"update {RAW} set order_id = case order_id when '2' then '3' else '2' end where order_id in ('2', '3')",
        {"different": ["2", "3"]},
    ),
    "two cells have changed places": (
        f"update {RAW} set updated_at = case order_id when '2' then timestamptz '2024-03-03'"
        " else timestamptz '2024-03-02' end where order_id in ('2', '3')",
        {"different": ["2", "3"]},
    ),
    "a row is there twice": (f"insert into {RAW} select * from {RAW} where order_id = '2'", {"extra": ["2"]}),
    "a row is marked deleted": (f"update {RAW} set _deleted_at = now() where order_id = '2'", {"missing": ["2"]}),
    "a carried cell is another": (f"update {RAW} set channel = 'app' where order_id = '2'", {"different": ["2"]}),
    "a held row is gone": (f"delete from {HELD} where _key = '5'", {"missing": ["5"]}),
    "a held cell is another": (
        f"update {HELD} set _ours = json_merge_patch(_ours, '{{\"status\": \"pending\"}}') where _key = '5'",
        {"different": ["5"]},
    ),
    "a held row more": (
        f"insert into {HELD} select * replace ('79' as _key, json_merge_patch(_ours, '{{\"order_id\": \"79\"}}')"
        f" as _ours) from {HELD} where _key = '5'",
        {"extra": ["79"]},
    ),
    "a held row is in raw too": (
        f"insert into {RAW} by name select * replace ('5' as order_id, '9' as customer_id,"
        f" timestamptz '2024-03-05' as updated_at) from {RAW} where order_id = '2'",
        {"extra": ["5"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), TAMPERED.values(), ids=TAMPERED)
@pytest.mark.parametrize("keys", ["numbers", "texts"])
def test_the_very_keys_that_differ_are_named_with_the_right_kind(
    dsn, home, monkeypatch, statement, expected, keys
):
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "carry")
    make(dsn, False, "alter table ecommerce.orders add channel text", CUSTOMER)
    if keys == "texts":
        execute(dsn, "alter table ecommerce.orders alter order_id type text")
        execute(dsn, order("A-0"), order("é"), order("  spaced "))
    for key, customer in ((1, 1), (2, 1), (3, 1), (4, 1), (5, 9), (6, 9)):
        execute(dsn, order(key, customer, channel="'web'", updated_at=f"'2024-03-0{key}'"))
    home.load(reconciled=True)
    assert differing(home) == {}
    home.tamper(statement)
    assert differing(home) == expected
    said = call(home)
    assert said.exit_code == 1
    assert all(f"orders: {kind}: {', '.join(names)}" in said.output for kind, names in expected.items())
    assert "setia load ecommerce --full" in said.output


def test_a_full_load_mends_whatever_was_tampered_with(dsn, home):
    make(dsn, False, CUSTOMER, *(order(key) for key in range(1, 7)), order(8, 9), order(9, 9))
    home.load()
    home.tamper(
        f"delete from {RAW} where order_id = 1",
        f"update {RAW} set status = 'pending' where order_id = 2",
        f"update {RAW} set order_id = 78 where order_id = 3",
        f"insert into {RAW} select * from {RAW} where order_id = 4",
        f"update {RAW} set _deleted_at = now() where order_id = 5",
        f"delete from {HELD} where _key = '8'",
        f"update {HELD} set _ours = json_merge_patch(_ours, '{{\"status\": \"pending\"}}') where _key = '9'",
    )
    assert not home.reconcile()["orders"].ok
    home.load(full=True, reconciled=True)
    assert home.raw("orders", "order_id", "status") == [(key, "completed") for key in range(1, 7)]
    assert differing(home) == {}


def test_all_are_counted_and_the_first_twenty_named(dsn, home):
    make(dsn, False, CUSTOMER)
    execute(dsn, order(-9223372036854775808), order(9223372036854775807), *(order(key) for key in range(40)))
    home.load(reconciled=True)
    home.tamper(f"delete from {RAW}")
    found = home.reconcile()["orders"]
    assert (found.counts["missing"], found.keys["missing"]) == (42, [str(key) for key in range(20)])
    assert found.source_rows == 42


def test_one_cell_among_many_rows_is_found(dsn, home):
    make(dsn, False, CUSTOMER)
    execute(
        dsn,
        "insert into ecommerce.orders (order_id, customer_id, order_date, status)"
        " select n, 1, '2024-02-01', 'completed' from generate_series(1, 20000) as n",
    )
    home.load(reconciled=True)
    home.tamper(f"update {RAW} set customer_id = null where order_id = 12345")
    assert differing(home) == {"different": ["12345"]}
    found = home.reconcile()["orders"]
    assert (found.differing_ranges, found.ranges > 200) == (1, True)


# ---- pending ---------------------------------------------------------------------------------


def test_what_was_written_after_the_load_is_pending_and_no_fault(dsn, home, tracked):
    make(dsn, tracked, CUSTOMER, *(order(key) for key in range(1, 8)), order(8, 9))
    home.load()
    execute(
        dsn,
        order(20),
        order(21, 9),
        "update ecommerce.orders set shipping_cost = 3 where order_id = 2",
        "update ecommerce.orders set status = 'zzz' where order_id = 3",
        "update ecommerce.orders set currency = 'IDR' where order_id = 8",
    )
    assert differing(home) == {"pending": ["2", "3", "8", "20", "21"]}
    assert call(home).exit_code == 0
    home.tamper(f"delete from {RAW} where order_id = 1")
    assert differing(home) == {"missing": ["1"], "pending": ["2", "3", "8", "20", "21"]}
    assert call(home).exit_code == 1
    home.load()
    # Where rows are counted, the load sees that one is missing and reads them all.
    assert differing(home) == ({"missing": ["1"]} if tracked else {})


def test_deleted_keys_of_tables_that_tell_are_pending(dsn, home):
    make(dsn, True, CUSTOMER, *(order(key) for key in range(1, 6)), order(6, 9))
    home.load()
    execute(
        dsn,
        "delete from ecommerce.orders where order_id in (1, 6)",
        "update ecommerce.orders set order_id = 33 where order_id = 3",
    )
    assert differing(home) == {"pending": ["1", "3", "6", "33"]}
    home.load()
    assert differing(home) == {}


# ---- a whole load is reconciled before it is committed ---------------------------------------


def test_a_load_of_everything_is_reconciled_in_its_own_snapshot_and_an_increment_is_not(dsn, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1), order(2, 9))
    first = home.load(reconciled=True)
    assert {each["table"]: each["source_rows"] for each in first.reconciled} == {
        "customers": 1,
        "products": 0,
        "orders": 2,
        "order_items": 0,
        "exchange_rates": 0,
    }
    assert all(each["ok"] and not each["keys"]["pending"] for each in first.reconciled)
    execute(dsn, order(3))
    assert home.load(reconciled=True).reconciled == ()
    assert len(home.load(full=True, reconciled=True).reconciled) == 5
    assert home.load(full=True).reconciled == ()


def test_the_daily_run_says_that_it_reconciled(tmp_path, tutorial):
    call = ["--home", str(tmp_path / "home"), "run", "ecommerce", "--source", str(tutorial), "--json"]
    assert CliRunner().invoke(app, call).exit_code == 0
    status = ["--home", str(tmp_path / "home"), "status", "ecommerce", "--json"]
    runs = json.loads(CliRunner().invoke(app, status).output)["businesses"]["ecommerce"]["runs"]
    (load,) = [run for run in runs if run["step"] == "load"]
    assert [each["ok"] for each in load["counts"]["reconciled"]] == [True] * 4


def test_a_load_that_is_not_the_source_is_refused_with_the_keys(dsn, home):
    make(dsn, False, CUSTOMER, order(1), order(2))
    home.load()
    home.tamper(f"delete from {RAW} where order_id = 2")
    found = list(home.reconcile().values())
    with pytest.raises(SourceError) as caught:
        reconcile.insist(found)
    assert caught.value.wrong == (
        "orders was not loaded as the source has it: 1 keys are missing, such as 2."
    )
    home.load(full=True)
    reconcile.insist(list(home.reconcile().values()))


# ---- files -----------------------------------------------------------------------------------


def folder_of(path: Path, orders: list[dict[str, Any]]) -> Path:
    return write_csv(path, copy.deepcopy(ROWS) | {"orders": orders})


def version(at: str, **more: Any) -> dict[str, Any]:
    return ROWS["orders"][0] | {"updated_at": at and f"2024-03-{at}"} | more


def test_of_several_versions_in_a_file_the_one_in_raw_is_enough(tmp_path, home):
    rows = [version("02"), version("02"), version("01", shipping_cost=9), version("02", order_id=11)]
    rows += [version("02", order_id=11, status="zzz"), version("01", order_id=""), version("02", order_id="")]
    folder = folder_of(tmp_path / "in", rows)
    assert [each["ok"] for each in home.load(folder, reconciled=True).reconciled] == [True] * 4
    assert differing(home, folder) == {}
    home.tamper(f"delete from {RAW} where order_id = 10")
    assert differing(home, folder) == {"missing": ["10"]}


def test_one_of_two_held_rows_without_a_key_is_missed(tmp_path, home):
    folder = folder_of(tmp_path / "in", [version("01"), version("", order_id=""), version("02", order_id="")])
    home.load(folder)
    assert differing(home, folder) == {}
    home.tamper(f"delete from {HELD} where _row ->> 'updated_at' = '2024-03-02'")
    assert not home.reconcile(folder)["orders"].ok


def test_an_older_export_is_run_and_what_raw_has_newer_is_no_fault(tmp_path, home):
    home.load(folder_of(tmp_path / "new", [version("02"), version("02", order_id=12, status="zzz")]))
    older = [version("01", shipping_cost=9), version("01", order_id=12), version("01", order_id=13)]
    batch = home.load(folder_of(tmp_path / "old", older), reconciled=True)
    assert batch.tables["orders"].duplicates == 2
    assert home.raw("orders", "order_id", "shipping_cost") == [(10, 1), (13, 1)]
    assert home.held("orders") == [("12", "unknown_value", "status")]


def test_a_part_of_the_rows_is_reconciled_with_what_it_says(tmp_path, home):
    home.load(folder_of(tmp_path / "a", [version("01"), version("01", order_id=12)]))
    part = folder_of(tmp_path / "b", [version("02", order_id=13)])
    assert all(each["ok"] for each in home.load(part, reconciled=True).reconciled)
    assert differing(home, part) == {}
    home.tamper(f"update {RAW} set status = 'pending' where order_id = 13")
    assert differing(home, part) == {"different": ["13"]}
