"""However the changes are cut into loads, raw and quarantine end as one load into an empty home leaves them."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import write_csv
from loaded_homes import CUSTOMER, SHOP, Home, end, execute, make, order
from setia import change_tracking
from setia import load as loading
from setia.businesses import BUSINESSES
from setia.schema import Business

pytestmark = pytest.mark.usefixtures("from_server")

MOVIES = BUSINESSES["movie_streaming"]


def few(examples: int) -> Any:
    """Each example loads several times; shrinking one takes longer than reading it."""
    return hypothesis_settings(
        max_examples=examples,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


# ---- random histories in PostgreSQL ----------------------------------------------------------

# Values of each column, as SQL: good ones, bad ones, parents that never come or come late.
VALUES = {
    "customers": {"customer_id": "1 2 3", "created_at": "'2024-01-01' '2024-03-01' null"},
    "products": {"product_id": "1 2", "cost_price": "1 2 -1"},
    "orders": {
        "order_id": "1 2 3 4",
        "customer_id": "1 2 3 9 null",
        "order_date": "'2024-02-01' '2024-04-01' '2024-02-01T20:00:00Z'",
        "status": "'completed' 'completed' 'zzz'",
        "shipping_cost": "1 2.5 -1 'NaN'",
        "updated_at": "null '2024-05-01' '2023-05-01'",
    },
    "order_items": {
        "order_item_id": "1 2 3 4",
        "order_id": "1 2 3 4 9",
        "product_id": "1 2 9",
        "quantity": "1 2 0",
        "unit_price": "1 2",
    },
    "users": {"user_id": "1 2", "join_date": "'2024-01-01' '2024-03-01' null"},
    "subscriptions": {
        "subscription_id": "1 2",
        "user_id": "1 2 9",
        "plan_type": "'Basic'",
        "start_date": "'2024-02-01' '2024-04-01'",
        "end_date": "null '2024-03-01'",
        "price": "1 2",
        "status": "'active' 'zzz'",
    },
    "payments": {
        "payment_id": "1 2 3",
        "user_id": "1 2 9 null",
        "subscription_id": "1 2 9",
        "amount": "1 -1",
        "payment_date": "'2024-02-01'",
        "status": "'completed'",
    },
}


def steps_of(business: Business) -> st.SearchStrategy[Any]:
    """A list of statements, with loads among them: `load` and `full`."""
    tables = [table.name for table in business.tables if table.name in VALUES]
    writes = [
        st.fixed_dictionaries(
            {name: st.sampled_from(values.split()) for name, values in VALUES[table].items()}
        ).map(lambda row, table=table: write(business, table, row))
        for table in tables
    ]
    rest = [
        statement
        for table in tables
        for key in VALUES[table][business.table(table).key].split()
        for statement in (
            f"delete from {business.name}.{table} where {business.table(table).key} = {key}",
            f"update {business.name}.{table} set {business.table(table).key} = 8"
            f" where {business.table(table).key} = {key}"
            f" and not exists (select from {business.name}.{table} where {business.table(table).key} = 8)",
        )
    ]
    rest += [f"truncate {business.name}.{table}" for table in tables]
    loads = st.sampled_from(["load", "load", "load", "full"])
    step = st.one_of(*writes, *writes, *writes, st.sampled_from(rest), loads, loads)
    return st.lists(step, min_size=10, max_size=40)


def write(business: Business, table: str, row: dict[str, str]) -> str:
    """SQL that adds the row, or replaces that of its key whole."""
    key = business.table(table).key
    replaced = ", ".join(f"{name} = excluded.{name}" for name in row if name != key)
    return (
        f"insert into {business.name}.{table} ({', '.join(row)}) values ({', '.join(row.values())})"
        f" on conflict ({key}) do update set {replaced}"
    )


def load_all(home: Home, steps: Iterator[Any]) -> None:
    """Loads step by step; every batch adds up."""
    for how in steps:
        batch = home.load(**how)
        for counts in batch.tables.values():
            assert counts.rows_in == counts.loaded + counts.quarantined + counts.duplicates


@pytest.mark.parametrize("business", [SHOP, MOVIES], ids=["shop", "movies"])
@pytest.mark.parametrize("hours", ["24", "0"])
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_any_history_in_any_loads_ends_as_one_load(
    tmp_path_factory, dsn, monkeypatch, business, hours, tracked
):
    monkeypatch.setenv("SETIA_COMPARE_HOURS", hours)
    make(dsn, tracked, business=business)
    emptied = [f"truncate {business.name}.{table.name}" for table in business.tables]
    emptied += [f"delete from {business.name}._deleted"] if tracked else []

    @few(12 if hours == "24" else 4)
    @given(steps=steps_of(business))
    def check(steps: list[str]) -> None:
        execute(dsn, *emptied)
        path = tmp_path_factory.mktemp("paths")
        home, fresh = Home(path / "many", business), Home(path / "one", business)

        def loads() -> Iterator[dict[str, bool]]:
            writes: list[str] = []
            for step in [*steps, "load"]:
                if step not in ("load", "full"):
                    writes.append(step)
                elif writes or step == "full":
                    execute(dsn, *writes)
                    writes.clear()
                    yield {"full": step == "full"}

        load_all(home, loads())
        fresh.load()
        assert end(home) == end(fresh)
        assert home.is_source()

    check()


# ---- what a source lets us see of deletions --------------------------------------------------


def test_a_held_row_that_its_source_deleted_does_not_come_back_with_its_parent(dsn, home):
    make(dsn, True, CUSTOMER, order(1), order(2, 9), order(3, 9))
    home.load()
    execute(dsn, "delete from ecommerce.orders where order_id = 2")
    home.load()
    assert home.held("orders") == [("3", "orphan", "customer_id")]
    execute(dsn, "insert into ecommerce.customers (customer_id) values (9)")
    home.load()
    assert home.raw("orders", "order_id") == [(1,), (3,)]
    assert home.is_source()


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_a_held_row_says_what_is_wrong_with_it_now(dsn, home, tracked):
    make(dsn, tracked, CUSTOMER, order(1, order_date="'2023-02-01'"))
    home.load()
    assert home.held("orders") == [("1", "before_parent", "order_date")]
    execute(dsn, "delete from ecommerce.customers")
    home.load()
    assert home.held("orders") == [("1", "orphan", "customer_id")]


def test_in_a_small_table_a_count_tells_of_deletions(dsn, home):
    make(dsn, False, CUSTOMER, *(order(key) for key in range(1, 6)), order(6, 9), order(7, 9))
    home.load()
    execute(dsn, "delete from ecommerce.orders where order_id in (2, 6)", order(8))
    assert home.load().tables["orders"].deleted == 1
    assert home.raw("orders", "order_id") == [(1,), (3,), (4,), (5,), (8,)]
    assert home.held("orders") == [("7", "orphan", "customer_id")]
    execute(dsn, "update ecommerce.orders set order_id = 70 where order_id = 7")
    home.load()
    assert home.held("orders") == [("70", "orphan", "customer_id")]
    assert home.is_source()


def test_in_a_large_table_deletions_are_seen_when_it_is_compared(dsn, home, monkeypatch):
    monkeypatch.setattr(loading, "COUNTED_UP_TO", 3)
    make(dsn, False, CUSTOMER, *(order(key) for key in range(1, 6)))
    home.load()
    execute(dsn, "delete from ecommerce.orders where order_id = 2", order(6))
    batch = home.load()
    assert (batch.tables["orders"].rows_in, batch.tables["orders"].deleted) == (1, 0)
    assert home.reconcile()["orders"].keys["extra"] == ["2"]
    monkeypatch.setenv("SETIA_COMPARE_HOURS", "0")
    assert home.load().tables["orders"].deleted == 1
    assert home.is_source()


# ---- sources that are not plain tables with a key --------------------------------------------


def test_a_view_of_two_tables_is_read_whole_and_its_deletions_are_seen(dsn, home):
    make(dsn, False, CUSTOMER, order(1), order(2), order(3, 9))
    execute(
        dsn,
        "alter table ecommerce.orders rename to old_orders",
        "create table ecommerce.new_orders (like ecommerce.old_orders)",
        "create view ecommerce.orders as table ecommerce.old_orders union all table ecommerce.new_orders",
    )
    home.load()
    execute(
        dsn,
        "insert into ecommerce.new_orders select * from ecommerce.old_orders where order_id = 2",
        "update ecommerce.new_orders set updated_at = '2024-05-01', currency = 'IDR'",
        "delete from ecommerce.old_orders where order_id in (1, 3)",
    )
    batch = home.load()
    assert (batch.tables["orders"].rows_in, batch.tables["orders"].deleted) == (2, 1)
    assert home.raw("orders", "order_id", "currency") == [(2, "IDR")]
    assert home.held("orders") == []
    assert home.is_source()


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_without_a_key_constraint_the_newest_version_is_in_raw_however_it_came_there(
    dsn, tmp_path, home, tracked
):
    def version(currency: str, month: int) -> str:
        return order(1, currency=f"'{currency}'", updated_at=f"'2024-{month:02}-01'")

    make(dsn, tracked, "alter table ecommerce.orders drop constraint orders_pkey")
    execute(dsn, CUSTOMER, version("AAA", 5), version("BBB", 3), order(2), order(2))
    assert home.load().tables["orders"].duplicates == 2
    steps = [
        "update ecommerce.orders set updated_at = '2024-04-01', currency = 'CCC' where currency = 'BBB'",
        "delete from ecommerce.orders where currency = 'CCC'",
        "delete from ecommerce.orders where ctid = (select min(ctid) from ecommerce.orders where order_id = 2)",
    ]
    for number, step in enumerate(steps):
        execute(dsn, step)
        home.load()
        fresh = Home(tmp_path / f"fresh{number}")
        fresh.load()
        assert end(home) == end(fresh), step


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_keys_that_differ_in_spaces_only_are_one_key_and_counted_so(dsn, tmp_path, home, tracked):
    make(dsn, False)
    execute(dsn, "alter table ecommerce.customers alter customer_id type text")
    if tracked:
        keys = {table.name: table.key for table in SHOP.tables}
        execute(dsn, *change_tracking.statements(SHOP.name, keys))
    insert = "insert into ecommerce.customers (customer_id, city) values "
    execute(dsn, insert + "('a', 'x'), ('a ', 'y'), (' b', 'z'), ('c', 'c')")
    batch = home.load()
    assert batch.tables["customers"].duplicates == 1
    keys = [key for (key,) in home.raw("customers", "customer_id")]
    assert keys == ["a", "b", "c"]
    execute(dsn, "delete from ecommerce.customers where customer_id = 'a'", insert + "('b', 'w')")
    home.load()
    fresh = Home(tmp_path / "fresh")
    fresh.load()
    assert end(home) == end(fresh)


# ---- random histories in files ---------------------------------------------------------------

ANCHORS = {
    "customers": {"customer_id": "100", "created_at": "2024-01-01", "email": "", "first_name": ""}
    | {"last_name": "", "country": ""},
    "products": {"product_id": "100", "product_name": "", "category": "", "cost_price": "", "list_price": ""},
    "orders": {"order_id": "100", "customer_id": "100", "order_date": "2024-02-01", "status": "completed"}
    | {"shipping_cost": "1"},
    "order_items": {"order_item_id": "100", "order_id": "100", "product_id": "100", "quantity": "1"}
    | {"unit_price": "1"},
}


def rows_of(table: str) -> st.SearchStrategy[Any]:
    """A row of a file: the same values as in PostgreSQL, and a key that is missing."""
    values = {
        name: values.replace("'", "").replace("null", "").split(" ") for name, values in VALUES[table].items()
    }
    values.pop("updated_at", None)
    values[SHOP.table(table).key] += [""]
    drawn = st.fixed_dictionaries({name: st.sampled_from(each) for name, each in values.items()})
    return drawn.map(lambda row: (table, ANCHORS[table] | row))


def folder_of(path: Path, rows: list[Any]) -> Path:
    """A folder with these rows of each table, and one row of each that always is the same."""
    first = {table: [row | {"updated_at": "2020-01-01"}] for table, row in ANCHORS.items()}
    return write_csv(path, {t: [*first[t], *(row for name, row in rows if name == t)] for t in first})


FILES = st.tuples(
    st.lists(st.one_of(*map(rows_of, ANCHORS)), min_size=8, max_size=30),
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)


@few(10)
@given(drawn=FILES)
def test_files_end_alike_however_their_rows_are_cut_and_in_whatever_order_versions_come(
    tmp_path_factory, drawn
):
    (rows, cuts, dice), path = drawn, tmp_path_factory.mktemp("files")
    for (_, row), day in zip(rows, dice.sample(range(100, 131), len(rows)), strict=True):
        row["updated_at"] = f"2024-05-01 00:00:00.{day}"
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [rows[start:end] for start, end in itertools.pairwise(edges)]
    folders = [folder_of(path / f"in{number}", part) for number, part in enumerate(parts)]
    many, one = Home(path / "many"), Home(path / "one")
    load_all(many, ({"folder": folder, "reconciled": True} for folder in folders))
    one.load(folder_of(path / "all", rows))
    assert end(many) == end(one)
    assert one.is_source(path / "all")


@few(8)
@given(drawn=FILES)
def test_a_folder_that_is_the_whole_truth_ends_as_its_own_first_load(tmp_path_factory, drawn):
    (rows, cuts, dice), path = drawn, tmp_path_factory.mktemp("files")
    for (_, row), day in zip(rows, dice.sample(range(100, 131), len(rows)), strict=True):
        row["updated_at"] = dice.choice(["", f"2024-05-01 00:00:00.{day}"])
    halves = [rows[: cut % len(rows)] for cut in cuts] + [rows[cuts[0] % len(rows) :]]
    folders = [folder_of(path / f"in{number}", part) for number, part in enumerate(halves)]
    many, one = Home(path / "many"), Home(path / "one")
    load_all(
        many, ({"folder": folder, "full": dice.random() < 0.5, "reconciled": True} for folder in folders[:-1])
    )
    load_all(many, iter([{"folder": folders[-1], "full": True, "reconciled": True}]))
    one.load(folders[-1])
    assert end(many) == end(one)
    assert many.is_source(folders[-1])
