"""Reading PostgreSQL loses nothing: late commits, updates without a clock, hostile values, deletes."""

from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import pytest

from setia import batches, pipeline, postgres, postgres_source
from setia import load as loading
from setia.errors import SourceError
from setia.schema import Business
from setia.settings import Settings
from setia.settings import load as load_settings
from setia.warehouses import connect


@pytest.fixture
def source(dsn: str, shop: Business) -> str:
    """The shop's tables, empty."""
    with postgres.transaction(dsn) as cursor:
        cursor.execute("drop schema if exists ecommerce cascade")
        postgres.create(cursor, shop)
        cursor.execute("insert into ecommerce.customers (customer_id, created_at) values (1, '2024-01-01')")
    return dsn


@pytest.fixture
def mine(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SETIA_POSTGRES_URL", source)
    return load_settings(tmp_path / "home")


def order(key: int, at: str = "2024-02-01", updated_at: str = "2024-02-01") -> str:
    return (
        "insert into ecommerce.orders (order_id, customer_id, order_date, status, updated_at)"
        f" values ({key}, 1, '{at}', 'completed', '{updated_at}')"
    )


def execute(dsn: str, *statements: str) -> None:
    with postgres.transaction(dsn) as cursor:
        for statement in statements:
            cursor.execute(statement)


def load(settings: Settings, business: Business, full: bool = False) -> batches.Batch:
    return pipeline.load(settings, business, None, full, lambda what, done, of: None)


def orders(settings: Settings) -> list[int]:
    with connect(settings, "ecommerce", read_only=True) as connection:
        query = "select order_id from ecommerce_raw.raw_orders where _deleted_at is null order by 1"
        return [row[0] for row in connection.execute(query).fetchall()]


def test_a_transaction_that_commits_after_a_load_arrives_with_the_next(source, mine, shop):
    execute(source, order(1))
    with adbc.connect(source) as late, late.cursor() as cursor:
        cursor.execute(order(2, updated_at="2023-01-01"))
        execute(source, order(3, updated_at="2024-03-01"))
        load(mine, shop)
        assert orders(mine) == [1, 3]
        late.commit()
    load(mine, shop)
    assert orders(mine) == [1, 2, 3]


def test_an_update_is_seen_without_any_clock_in_the_row(source, mine, shop):
    execute(source, order(1), "update ecommerce.orders set updated_at = null")
    load(mine, shop)
    execute(source, "update ecommerce.orders set shipping_cost = 9")
    batch = load(mine, shop)
    assert batch.tables["orders"].rows_in == 1
    with connect(mine, shop.name, read_only=True) as connection:
        assert connection.execute("select shipping_cost from ecommerce_raw.raw_orders").fetchall()[0][0] == 9


def test_an_increment_reads_only_what_changed(source, mine, shop):
    execute(source, *(order(key) for key in range(1, 51)))
    assert load(mine, shop).tables["orders"].rows_in == 50
    assert load(mine, shop).tables["orders"].rows_in == 0
    execute(source, order(51))
    assert load(mine, shop).tables["orders"].rows_in == 1


def test_remade_tables_are_read_whole_again(source, mine, shop):
    execute(source, order(1))
    load(mine, shop)
    execute(source, "drop table ecommerce.orders")
    execute(source, "select 1")
    with postgres.transaction(source) as cursor:
        postgres.create(cursor, shop)
        cursor.execute(order(2))
    load(mine, shop)
    assert orders(mine) == [2]


def test_a_full_load_finds_deleted_rows(source, mine, shop):
    execute(source, order(1), order(2))
    load(mine, shop)
    execute(source, "delete from ecommerce.orders where order_id = 1")
    assert load(mine, shop, full=True).tables["orders"].deleted == 1
    assert orders(mine) == [2]


def test_all_tables_come_from_one_snapshot(source, mine, shop):
    execute(source, order(1))
    with connect(mine, shop.name) as connection, loading.transaction(connection):
        opened = postgres_source.open_source(connection, shop, source, mine.timezone, None)
        execute(
            source,
            "insert into ecommerce.customers (customer_id) values (2)",
            order(2).replace("2, 1", "2, 2"),
        )
        batch = loading.load(connection, shop, opened, mine.timezone, lambda what: None)
    assert batch.tables["orders"].rows_in == batch.tables["customers"].rows_in == 1


def test_a_reader_with_select_rights_only_is_enough(source, mine, shop):
    execute(
        source,
        order(1),
        "drop role if exists reader",
        "create role reader login password 'only reads'",
        "grant usage on schema ecommerce to reader",
        "grant select on all tables in schema ecommerce to reader",
    )
    # The embedded server lets in its own user only, so the session takes the reader's role.
    with connect(mine, shop.name) as connection, loading.transaction(connection):
        execute(source, "alter role setia set role = 'reader'")
        opened = postgres_source.open_source(connection, shop, source, mine.timezone, None)
        batch = loading.load(connection, shop, opened, mine.timezone, lambda what: None)
    execute(source, "set role none", "alter role setia reset role")
    assert batch.tables["orders"].loaded == 1


def test_not_a_number_is_quarantined_and_never_zero(source, mine, shop):
    execute(source, order(1), "update ecommerce.orders set shipping_cost = 'NaN'")
    batch = load(mine, shop)
    assert batch.tables["orders"].quarantined == 1
    assert orders(mine) == []


def test_a_refused_connection_names_the_place_and_not_the_password(tmp_path, shop, monkeypatch):
    monkeypatch.setenv("SETIA_POSTGRES_URL", "postgresql://someone:hush@127.0.0.1:1/nothing")
    settings = load_settings(tmp_path / "home")
    with pytest.raises(SourceError) as caught:
        load(settings, shop)
    assert "127.0.0.1:1" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "hush" not in (settings.home / "ledger.sqlite").read_bytes().decode(errors="ignore")


def test_a_missing_table_says_what_was_found(source, mine, shop):
    execute(source, "drop table ecommerce.order_items")
    with pytest.raises(SourceError, match=r"no readable table ecommerce\.order_items"):
        load(mine, shop)


def test_a_mark_of_the_future_is_void(source, mine, shop):
    execute(source, order(1))
    load(mine, shop)
    with connect(mine, shop.name) as connection:
        connection.execute(
            "update ecommerce_raw._batches set mark ="
            " json_merge_patch(mark, json_object('horizon', '99999999999'))"
        )
        newest = batches.newest(connection, shop)
    assert newest is not None
    assert load(mine, shop).tables["orders"].unchanged == 1


def test_a_view_is_read_whole_each_time(source, mine, shop):
    execute(
        source,
        order(1),
        "alter table ecommerce.orders rename to their_orders",
        "create view ecommerce.orders as select * from ecommerce.their_orders",
    )
    load(mine, shop)
    execute(source, order(2).replace("ecommerce.orders", "ecommerce.their_orders"))
    assert load(mine, shop).tables["orders"].rows_in == 2
    execute(source, "delete from ecommerce.their_orders where order_id = 1")
    load(mine, shop)
    assert orders(mine) == [2]


def test_one_home_holds_one_source(source, mine, shop, tutorial):
    load(mine, shop)
    with pytest.raises(SourceError, match="One home holds one source"):
        pipeline.load(mine, shop, pipeline.From(tutorial), False, lambda what, done, of: None)


def test_a_row_that_turns_bad_without_any_clock_leaves_raw(source, mine, shop):
    execute(source, order(1))
    load(mine, shop)
    execute(source, "update ecommerce.orders set status = 'eaten'")
    assert load(mine, shop).tables["orders"].quarantined == 1
    assert orders(mine) == []
    execute(source, "update ecommerce.orders set status = 'completed', updated_at = '2020-01-01'")
    load(mine, shop)
    assert orders(mine) == [1]
