"""Tables that say themselves what changed: a load asks for that, and for nothing else."""

from pathlib import Path

import pytest

from setia import batches, pipeline, postgres, postgres_source
from setia import load as loading
from setia.mapping import read_mapping
from setia.settings import load as load_settings
from setia.warehouses import connect
from test_docs import DOCS, blocks

MAPPING = """
[tables.customers]
table = "public.members"

[tables.customers.columns]
customer_id = "id"
"""


def silent(what: str, done: int, of: int) -> None: ...


def statements(sql: str) -> list[str]:
    """The statements of a block, function bodies whole."""
    found, open_body = [""], False
    for part in sql.split(";"):
        found[-1] += part + ";"
        open_body ^= part.count("$$") % 2 == 1
        if not open_body:
            found.append("")
    return [each for each in found if each.strip("; \n")]


@pytest.fixture
def members(dsn, shop, tmp_path, monkeypatch):
    """A shop whose customers are in public.members, tracked as the documentation says."""
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    made = [
        "drop schema if exists ecommerce cascade",
        "drop table if exists public.members, public._deleted cascade",
        "create table public.members (id bigint primary key, email text, first_name text, last_name text,"
        " country text, created_at timestamptz)",
        *statements(blocks(DOCS / "postgresql.md", "sql")[1]),
        "insert into public.members (id, email) values (1, 'a'), (2, 'b'), (3, 'c')",
    ]
    with postgres.transaction(dsn) as cursor:
        postgres.create(cursor, shop)
        for statement in made[1:]:
            cursor.execute(statement)
    (tmp_path / "shop.toml").write_text(MAPPING)
    return load_settings(tmp_path / "home"), tmp_path / "shop.toml"


def load(members: tuple[object, Path], shop) -> batches.Batch:
    settings, mapping = members
    return pipeline.load(settings, shop, pipeline.From(None, mapping), False, silent)


def customers(settings) -> list[tuple[object, ...]]:
    with connect(settings, "ecommerce", read_only=True) as connection:
        query = (
            "select customer_id, email from ecommerce_raw.raw_customers where _deleted_at is null order by 1"
        )
        return connection.execute(query).fetchall()


def test_the_documented_statements_make_a_table_of_ones_own_tell_its_changes(members, dsn, shop):
    load(members, shop)
    with postgres.transaction(dsn) as cursor:
        cursor.execute("update public.members set email = 'B' where id = 2")
        cursor.execute("delete from public.members where id = 1")
        cursor.execute("update public.members set id = 4 where id = 3")
    counts = load(members, shop).tables["customers"]
    assert (counts.rows_in, counts.deleted) == (2, 2)
    assert customers(members[0]) == [(2, "B"), (4, "c")]


def test_a_deleted_key_that_came_back_is_there(members, dsn, shop):
    load(members, shop)
    with postgres.transaction(dsn) as cursor:
        cursor.execute("delete from public.members where id = 1")
    with postgres.transaction(dsn) as cursor:
        cursor.execute("insert into public.members (id, email) values (1, 'again')")
    assert load(members, shop).tables["customers"].deleted == 0
    assert customers(members[0])[0] == (1, "again")


def test_an_emptied_table_is_read_whole(members, dsn, shop):
    load(members, shop)
    with postgres.transaction(dsn) as cursor:
        cursor.execute("truncate public.members")
        cursor.execute("insert into public.members (id) values (9)")
    assert load(members, shop).tables["customers"].deleted == 3
    assert customers(members[0]) == [(9, None)]


def test_an_increment_of_a_tracked_table_uses_its_index(members, dsn, shop):
    load(members, shop)
    with connect(members[0], shop.name) as connection, loading.transaction(connection):
        newest = batches.newest(connection, shop)
        assert newest is not None
        source = postgres_source.open_source(
            connection, shop, dsn, members[0].timezone, newest["mark"], read_mapping(members[1], shop)
        )
        changes = {each.table.name: each.changes for each in source.tables}
    orders = changes["orders"]
    assert orders is not None
    assert "_changed >=" in orders.relation
    assert orders.count is None
    with postgres.transaction(dsn) as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute(
            "create function pg_temp.plan() returns setof text language plpgsql as $$ begin return query"
            " execute 'explain select * from ecommerce.orders where _changed >= ''5''::xid8'; end $$"
        )
        cursor.execute("select * from pg_temp.plan()")
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert "orders_changed" in plan
