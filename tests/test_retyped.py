"""Columns of a source that change their type: each value is read anew, and what can't be read is held, not lost."""

import copy
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import SHOP as ROWS
from conftest import write_csv
from loaded_homes import CUSTOMER, Home, end, execute, make, order

pytestmark = pytest.mark.usefixtures("from_server")


def changes(batch: Any) -> dict[str, str]:
    return {f"{each['table']}.{each['column']}": each["change"] for each in batch.drift}


def as_one_load(home: Home, tmp_path: Path, folder: Path | None = None) -> bool:
    """Whether the home is the source, and what a first load into an empty home makes of it."""
    fresh = Home(tmp_path / f"fresh{len(list(tmp_path.iterdir()))}")
    fresh.load(folder)
    return home.is_source(folder) and end(home) == end(fresh)


# ---- PostgreSQL ------------------------------------------------------------------------------

# column, its type before, its type after with the way there, a value that can't be read, a good one
RETYPED = [
    ("shipping_cost", "numeric", "text", "'abc'", "'2.5'"),
    ("shipping_cost", "text", "int using shipping_cost::int", "-1", "2"),
    ("shipping_cost", "int", "double precision", "'infinity'", "2.5"),
    ("shipping_cost", "numeric(9, 2)", "numeric", "1e30", "1e3"),
    ("shipping_cost", "int", "bigint", "9223372036854775807", "3000000000"),
    ("shipping_cost", "numeric", "money", "'-1'", "'2.5'"),
    ("order_date", "timestamptz", "text", "'yesterday'", "'2024-02-02T10:00:00+07:00'"),
    ("order_date", "text", "timestamp using order_date::timestamp", "'infinity'", "'2024-02-02 10:00:00.5'"),
    ("order_date", "date", "timestamptz", "'1800-01-01'", "'2024-02-02 10:00:00+07'"),
    ("order_date", "timestamptz", "date", "'5874897-12-31'", "'2024-02-02'"),
    ("status", "varchar(10)", "text", "'a status that is longer than ten'", "'pending'"),
    ("status", "text", "their_enum using status::their_enum", "'eaten'", "'shipped'"),
    ("status", "text", "their_domain", "'eaten'", "'shipped'"),
    ("customer_id", "int", "bigint", "9223372036854775807", "1"),
    ("customer_id", "bigint", "text", "'x'", "'1'"),
    ("customer_id", "bigint", "numeric(12, 2)", "1.5", "1.00"),
]
TYPES = (
    "drop type if exists public.their_enum cascade",
    "create type public.their_enum as enum ('completed', 'shipped', 'eaten')",
    "drop domain if exists public.their_domain cascade",
    "create domain public.their_domain as text check (value <> '')",
)


@pytest.mark.parametrize(("column", "before", "after", "bad", "good"), RETYPED)
def test_a_retyped_column_is_read_anew_and_what_cant_be_is_held_until_it_is_mended(
    dsn, tmp_path, home, column, before, after, bad, good
):
    tracked = RETYPED.index((column, before, after, bad, good)) % 2 == 0
    alter = f"alter table ecommerce.orders alter {column} type "
    make(
        dsn, tracked, *TYPES, f"{alter}{before} using {column}::text::{before}", CUSTOMER, order(1), order(2)
    )
    execute(dsn, order(3, order_date="'2024-02-03'"))
    home.load()
    execute(dsn, alter + after)
    batch = home.load()
    if before.split("(")[0] != after.split("(")[0]:
        assert changes(batch)[f"orders.{column}"].startswith("retyped from ")
        assert batch.tables["orders"].rows_in == 3
    assert len(home.raw("orders")) == 3
    assert as_one_load(home, tmp_path)
    execute(dsn, f"update ecommerce.orders set {column} = {bad} where order_id = 2")
    home.load()
    assert [(key, name) for key, _, name in home.held("orders")] == [("2", column)]
    execute(dsn, f"update ecommerce.orders set {column} = {good} where order_id = 2")
    home.load()
    assert home.held("orders") == []
    assert as_one_load(home, tmp_path)


KEYS = [
    ("text using 'A' || customer_id", "'A1'"),
    ("text", "'x'"),
    ("uuid using lpad(customer_id::text, 32, '0')::uuid", "'00000000-0000-0000-0000-000000000001'"),
    ("int", "1"),
    ("numeric(12, 2)", "1"),
    ("double precision", "1"),
    ("varchar(20) using lpad(customer_id::text, 4, '0')", "'0001'"),
]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_keys_of_another_type_are_taken_over_and_children_follow(dsn, tmp_path, home, kind, key):
    make(dsn, False, CUSTOMER, order(1), order(2, 9))
    execute(dsn, "insert into ecommerce.customers (customer_id) values (3)", order(3, 3))
    home.load()
    for table in ("customers", "orders"):
        execute(dsn, f"alter table ecommerce.{table} alter customer_id type {kind}")
    batch = home.load()
    assert changes(batch).keys() == {"customers.customer_id", "orders.customer_id"}
    assert len(home.raw("customers")) == len(home.raw("orders")) == 2
    assert home.held("orders") == [("2", "orphan", "customer_id")]
    assert as_one_load(home, tmp_path)
    if "using" not in kind and kind != "text":
        execute(dsn, f"update ecommerce.orders set customer_id = {key} where order_id = 2")
        home.load()
        assert home.held("orders") == []
        assert as_one_load(home, tmp_path)


def test_keys_may_become_texts_and_numbers_again(dsn, tmp_path, home):
    make(dsn, False, CUSTOMER, order(1), order(2, 9))
    home.load()
    for kind in ("text using 'A' || customer_id", "bigint using substr(customer_id, 2)::bigint"):
        for table in ("customers", "orders"):
            execute(dsn, f"alter table ecommerce.{table} alter customer_id type {kind}")
        home.load()
        assert as_one_load(home, tmp_path)
    assert home.raw("orders", "customer_id") == [(1,)]


def test_a_text_key_that_is_no_number_comes_among_numbers_and_is_not_lost(dsn, tmp_path, home, monkeypatch):
    make(dsn, False)
    for table in ("customers", "orders"):
        execute(dsn, f"alter table ecommerce.{table} alter customer_id type text")
    execute(dsn, "insert into ecommerce.customers (customer_id) values ('1')", order(1, "1"))
    home.load()
    execute(dsn, "insert into ecommerce.customers (customer_id) values ('B2')", order(2, "B2"))
    batch = home.load()
    assert batch.tables["customers"].rows_in + batch.tables["orders"].rows_in >= 2
    assert home.is_source()
    monkeypatch.setenv("SETIA_COMPARE_HOURS", "0")
    home.load()
    assert home.raw("orders", "customer_id") == [("1",), ("B2",)]
    assert as_one_load(home, tmp_path)


# What changes values without writing a row: no transaction of a row, no trigger tells of it.
SILENT = [
    ("alter table ecommerce.orders alter shipping_cost type numeric(18, 4) using shipping_cost * 100"),
    ("alter table ecommerce.orders alter shipping_cost type numeric(18, 0)"),
    ("alter type public.their_enum rename value 'completed' to 'shipped_now'"),
    ("alter table ecommerce.orders alter note set expression as (order_id + 1)"),
    ("alter table ecommerce.orders alter virtual set expression as (order_id + 1)"),
]


@pytest.mark.parametrize("change", SILENT, ids=["using", "scale", "enum", "generated", "virtual"])
def test_values_that_change_with_the_table_and_not_with_a_row_are_read_anew(
    dsn, tmp_path, home, tracked, change, monkeypatch
):
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "carry")
    make(
        dsn,
        tracked,
        "drop type if exists public.their_enum cascade",
        "create type public.their_enum as enum ('completed', 'shipped')",
        "alter table ecommerce.orders alter status type public.their_enum using status::public.their_enum",
        "alter table ecommerce.orders add note bigint generated always as (order_id) stored",
        "alter table ecommerce.orders add virtual bigint generated always as (order_id) virtual",
        CUSTOMER,
        order(1, shipping_cost="1.25"),
    )
    home.load()
    execute(dsn, change)
    home.load()
    assert as_one_load(home, tmp_path)


def test_the_rows_of_a_partition_that_is_attached_arrive(dsn, tmp_path, home):
    make(dsn, False, CUSTOMER, "alter table ecommerce.orders rename to old")
    execute(
        dsn,
        "create table ecommerce.orders (like ecommerce.old, primary key (order_id)) partition by range (order_id)",
        "create table ecommerce.low partition of ecommerce.orders for values from (1) to (10)",
        "create table ecommerce.high (like ecommerce.orders including all)",
        order(1),
        order(11).replace("ecommerce.orders", "ecommerce.high"),
    )
    home.load()
    execute(dsn, "alter table ecommerce.orders attach partition ecommerce.high for values from (10) to (20)")
    home.load()
    assert home.raw("orders", "order_id") == [(1,), (11,)]
    execute(dsn, "alter table ecommerce.orders detach partition ecommerce.low")
    home.load()
    assert home.raw("orders", "order_id") == [(11,)]
    assert as_one_load(home, tmp_path)


def test_the_zone_of_naive_times_is_part_of_what_they_say(dsn, tmp_path):
    mapping = tmp_path / "mapping.toml"
    home = Home(tmp_path / "home", mapping=mapping)
    make(dsn, False, "alter table ecommerce.orders alter order_date type timestamp", CUSTOMER, order(1))
    epochs = []
    for zone in ("UTC", "Asia/Tokyo"):
        mapping.write_text(f'timezone = "{zone}"\n')
        home.load()
        epochs += [row[0].timestamp() for row in home.raw("orders", "order_date")]
    assert epochs[0] - epochs[1] == 9 * 3600


# ---- files -----------------------------------------------------------------------------------


def parquet(folder: Path, kind: str, values: str) -> Path:
    """The shop's files, its orders as Parquet with shipping_cost, customer_id or order_date retyped."""
    write_csv(folder, copy.deepcopy(ROWS))
    name = kind.split()[0]
    columns = ", ".join(
        f"{f'cast({column} as {kind.split()[1]})' if column == name else column} as {column}"
        for column in ROWS["orders"][0]
    )
    query = f"select {columns} from (values {values}) as t(order_id, customer_id, order_date, status, shipping_cost)"
    (folder / "raw_orders.csv").unlink()
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{folder}/raw_orders.parquet' (format parquet)")
    return folder


FILES = [
    ("shipping_cost decimal(9,2)", "shipping_cost varchar", "abc"),
    ("shipping_cost varchar", "shipping_cost double", "-1"),
    ("shipping_cost integer", "shipping_cost bigint", "-1"),
    ("shipping_cost float", "shipping_cost decimal(20,6)", "-1"),
    ("order_date timestamp", "order_date varchar", "never"),
    ("order_date date", "order_date timestamptz", "1800-01-01"),
    ("order_date varchar", "order_date timestamp_ns", "1800-01-01"),
    ("customer_id integer", "customer_id varchar", "none"),
    ("customer_id bigint", "customer_id double", "1.5"),
]


@pytest.mark.parametrize("full", [True, False], ids=["full", "increment"])
@pytest.mark.parametrize(("before", "after", "bad"), FILES)
def test_a_file_with_another_type_is_read_anew_and_what_cant_be_is_held(
    tmp_path, home, before, after, bad, full
):
    def values(third: dict[str, str]) -> str:
        row = {"customer_id": "1", "order_date": "2024-02-01", "shipping_cost": "1"}
        rows = [(10, row), (11, row | {"shipping_cost": "2"}), (12, row | third)]
        return ", ".join(
            f"({key}, '{one['customer_id']}', '{one['order_date']}', 'completed', '{one['shipping_cost']}')"
            for key, one in rows
        )

    column = after.split()[0]
    home.load(parquet(tmp_path / "a", before, values({})), full=full)
    folder = parquet(tmp_path / "b", after, values({column: bad}))
    batch = home.load(folder, full=full)
    assert changes(batch)[f"orders.{column}"].startswith("retyped from ")
    assert [(key, name) for key, _, name in home.held("orders")] == [("12", column)]
    assert home.raw("orders", "order_id", "shipping_cost") == [(10, 1), (11, 2)]
    folder = parquet(tmp_path / "c", after, values({}))
    home.load(folder, full=full)
    assert home.held("orders") == []
    assert as_one_load(home, tmp_path, folder)


@pytest.mark.parametrize("kind", ["float", "double", "decimal(9,5)", "decimal(20,1)", "varchar"])
def test_a_held_value_is_read_as_it_would_have_been_at_once(tmp_path, home, kind):
    cents = ["1.00005", "0.00005", "2.00015", "123456.789", "8.00005", "0.1", "3.14159", "1e-5", "1.0"]
    if kind.startswith("decimal"):
        cents = [text for text in cents if "e" not in text and len(text) < 9]
    for customer in (9, 1):
        rows = [f"({n}, {customer}, '2024-02-01', 'completed', '{text}')" for n, text in enumerate(cents)]
        folder = parquet(tmp_path / f"{customer}", f"shipping_cost {kind}", ", ".join(rows))
        home.load(folder)
        assert home.is_source(folder)
        if customer == 9:
            nine = [ROWS["customers"][0] | {"customer_id": 9}]
            home.load(write_csv(tmp_path / "nine", copy.deepcopy(ROWS) | {"customers": nine}))
            released = home.raw("orders", "order_id", "shipping_cost")
            assert home.held("orders") == []
    assert home.raw("orders", "order_id", "shipping_cost") == released


def test_an_orphan_whose_key_is_a_float_finds_its_parent_among_texts(tmp_path, home):
    customers = [ROWS["customers"][0] | {"customer_id": key} for key in ("A", "1")]
    first, second = (f"({key}, {key - 9}, '2024-02-01', 'completed', '1')" for key in (10, 11))
    folder = parquet(tmp_path / "a", "customer_id double", f"{first}, {second}")
    home.load(write_csv(folder, {"customers": customers}))
    assert home.held("orders") == [("11", "orphan", "customer_id")]
    folder = parquet(tmp_path / "b", "customer_id double", first)
    home.load(write_csv(folder, {"customers": [*customers, customers[0] | {"customer_id": "2"}]}))
    assert home.held("orders") == []
    assert home.raw("orders", "order_id", "customer_id") == [(10, "1"), (11, "2")]
