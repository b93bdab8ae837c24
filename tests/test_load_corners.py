"""Ways of making and changing a source that a load must not be led astray by."""

import copy
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pytest

from conftest import SHOP as ROWS
from conftest import write_csv
from loaded_homes import CUSTOMER, SHOP, Home, end, execute, make, order
from setia import postgres

pytestmark = pytest.mark.usefixtures("from_server")


def as_one_load(home: Home, tmp_path: Path, folder: Path | None = None) -> bool:
    """Whether the home is the source, and what a first load into an empty home makes of it."""
    fresh = Home(tmp_path / f"fresh{len(list(tmp_path.iterdir()))}")
    fresh.load(folder)
    return home.is_source(folder) and end(home) == end(fresh)


# ---- tables that are made of others ----------------------------------------------------------


def partitioned(dsn: str, tracked: bool) -> None:
    """Orders in two partitions."""
    make(dsn, False, CUSTOMER, "alter table ecommerce.orders rename to old")
    execute(
        dsn,
        "create table ecommerce.orders (like ecommerce.old, primary key (order_id)) partition by range (order_id)",
        "create table ecommerce.low partition of ecommerce.orders for values from (1) to (10)",
        "create table ecommerce.high partition of ecommerce.orders for values from (10) to (20)",
    )
    if tracked:
        with postgres.transaction(dsn) as cursor:
            postgres.create(cursor, SHOP)


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_changes_in_partitions_are_those_of_the_table(dsn, tmp_path, home, tracked):
    partitioned(dsn, tracked)
    execute(dsn, *(order(key) for key in (1, 2, 3, 11, 12, 13)))
    home.load()
    steps = [
        "update ecommerce.orders set order_id = 19 where order_id = 2",
        "delete from ecommerce.orders where order_id in (1, 12)",
        "delete from ecommerce.high where order_id = 13",
        "update ecommerce.low set shipping_cost = 5",
        "truncate ecommerce.low",
        "drop table ecommerce.high",
    ]
    for step in steps:
        execute(dsn, step)
        home.load()
        assert as_one_load(home, tmp_path), step


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_a_key_that_comes_again_in_a_table_that_inherits_is_one_row(dsn, tmp_path, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1, updated_at="'2024-03-01'"), order(2))
    execute(dsn, "create table ecommerce.kids () inherits (ecommerce.orders)")
    execute(
        dsn,
        order(1, updated_at="'2024-03-02'", currency="'IDR'").replace("ecommerce.orders", "ecommerce.kids"),
    )
    home.load()
    assert home.raw("orders", "order_id", "currency") == [(1, "IDR"), (2, None)]
    execute(dsn, order(3).replace("ecommerce.orders", "ecommerce.kids"))
    home.load()
    assert as_one_load(home, tmp_path)
    execute(dsn, "delete from ecommerce.kids where order_id = 1")
    home.load()
    assert as_one_load(home, tmp_path)


def test_rows_that_were_there_and_become_visible_arrive(dsn, tmp_path, home):
    make(dsn, False, CUSTOMER, order(1), order(2, currency="'IDR'"))
    # Who owns a table sees all rows of it, unless it is forced; and the superuser always.
    execute(
        dsn,
        "drop role if exists seer",
        "create role seer",
        "grant usage on schema ecommerce to seer",
        "grant select on all tables in schema ecommerce to seer",
        "alter table ecommerce.orders enable row level security",
        "create policy visible on ecommerce.orders for select to seer using (currency is null)",
        "alter role setia set role = 'seer'",
    )
    try:
        home.load()
        assert home.raw("orders", "order_id") == [(1,)]
        execute(dsn, "set role none", "alter policy visible on ecommerce.orders using (true)")
        home.load()
        assert home.raw("orders", "order_id") == [(1,), (2,)]
    finally:
        execute(dsn, "set role none", "alter role setia reset role", "drop owned by seer", "drop role seer")


def outside(dsn: str, statement: str) -> None:
    """A statement that runs in no transaction."""
    with adbc.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
@pytest.mark.parametrize("command", ["vacuum (freeze)", "vacuum (full)", "cluster", "analyze"])
def test_rows_that_the_server_tidied_up_since_arrive(dsn, tmp_path, home, tracked, command):
    make(dsn, tracked, CUSTOMER, order(1))
    home.load()
    execute(dsn, order(2), "delete from ecommerce.orders where order_id = 1")
    outside(dsn, f"{command} ecommerce.orders" + (" using orders_pkey" if command == "cluster" else ""))
    home.load()
    assert home.raw("orders", "order_id") == [(2,)]
    assert as_one_load(home, tmp_path)


def test_a_table_that_takes_the_place_of_another_is_read_whole(dsn, tmp_path, home):
    make(
        dsn,
        False,
        CUSTOMER,
        order(1),
        order(2),
        "create table ecommerce.new (like ecommerce.orders including all)",
    )
    execute(dsn, order(3).replace("ecommerce.orders", "ecommerce.new"))
    home.load()
    execute(
        dsn,
        "alter table ecommerce.orders rename to old",
        "alter table ecommerce.new rename to orders",
    )
    home.load()
    assert home.raw("orders", "order_id") == [(3,)]
    assert as_one_load(home, tmp_path)


@pytest.mark.parametrize("text", ["01", "+1", "1.0", " 1", "1."])
def test_two_keys_of_a_source_never_become_one_row_without_a_word(dsn, home, text):
    make(dsn, False, "alter table ecommerce.customers alter customer_id type text")
    execute(dsn, "insert into ecommerce.customers (customer_id, city) values ('1', 'a'), ('2', 'b')")
    home.load()
    execute(dsn, f"insert into ecommerce.customers (customer_id, city) values ('{text}', 'c')")
    counts = home.load().tables["customers"]
    kept = len(home.raw("customers")) + len(home.held("customers"))
    assert kept == 3 or counts.duplicates == 1 or not home.reconcile()["customers"].ok


# ---- files -----------------------------------------------------------------------------------


def folder_of(path: Path, **tables: list[dict[str, Any]]) -> Path:
    return write_csv(path, copy.deepcopy(ROWS) | tables)


def dated(table: str, day: int, **more: Any) -> dict[str, Any]:
    return ROWS[table][0] | {"updated_at": f"2024-05-{day:02}"} | more


def test_a_good_row_survives_its_parents_absence_beside_a_bad_version_of_itself(tmp_path, home):
    customer = dated("customers", 1)
    orders = [
        dated("orders", 1),
        dated("orders", 1, order_id=20),
        dated("orders", 1, order_id=20, status="zzz"),
    ]
    home.load(folder_of(tmp_path / "a", customers=[customer], orders=orders))
    assert home.raw("orders", "order_id") == [(10,), (20,)]
    for day, created_at in ((2, "soon"), (3, "2024-01-01")):
        again = [customer | {"created_at": created_at, "updated_at": f"2024-05-0{day}"}]
        home.load(folder_of(tmp_path / f"{day}", customers=again, orders=orders[:1]))
    assert home.raw("orders", "order_id") == [(10,), (20,)]
    assert home.held("orders") == [("20", "unknown_value", "status")]


def test_an_older_bad_version_that_arrives_later_is_a_duplicate(tmp_path, home):
    home.load(folder_of(tmp_path / "a", orders=[dated("orders", 2)]))
    counts = home.load(folder_of(tmp_path / "b", orders=[dated("orders", 1, status="zzz")])).tables["orders"]
    assert (counts.duplicates, counts.quarantined) == (1, 0)
    assert home.held("orders") == []


def test_what_keys_are_does_not_depend_on_how_the_files_are_cut(tmp_path, home):
    orders = [dated("orders", 1, order_id=key, customer_id=customer) for key, customer in (("A1", 9), (2, 1))]
    for number, order_ in enumerate(orders):
        home.load(folder_of(tmp_path / f"{number}", orders=[order_]))
    customers = [dated("customers", 1), dated("customers", 1, customer_id=9)]
    home.load(folder_of(tmp_path / "last", customers=customers, orders=orders[1:]))
    assert home.raw("orders", "order_id") == [("2",), ("A1",)]


def test_a_row_that_lost_its_parent_and_is_sent_again_is_held_once_and_is_the_source(tmp_path, home):
    customer, orders = dated("customers", 1), [dated("orders", 1, shipping_cost="1.50")]
    home.load(folder_of(tmp_path / "a", customers=[customer], orders=orders))
    bad = [customer | {"created_at": "soon", "updated_at": "2024-05-02"}]
    folder = folder_of(tmp_path / "b", customers=bad, orders=orders)
    for _ in range(2):
        home.load(folder, reconciled=True)
        assert home.held("orders") == [("10", "orphan", "customer_id")]
    assert as_one_load(home, tmp_path, folder)
