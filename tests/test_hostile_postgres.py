"""Hostile names and values in PostgreSQL and in the mapping: loaded as they are or refused in words, never run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from loaded_homes import CUSTOMER, SHOP, Home, ask, execute, make, order
from setia import change_tracking, pipeline, postgres
from setia.businesses import BUSINESSES
from setia.cli import app
from setia.errors import SetiaError, SourceError
from setia.settings import load as load_settings
from setia.warehouses import literal, quote

# Texts that end a string, a name, a statement or a pattern where somebody forgot to quote.
TEXTS = [
    'a"b', "it's", "two words", "SELECT", "order by", "é 😀 ÑANDÚ", "line\nbreak", "tab\t", "back\\slash", "\\'", "100%s %d",
    "$1 $$ $x$", "{} {0} {x}", "--", "/* */", "a;b", "a,b", "a:b", "?", "*", "c1", "source", "source_pg", "rowid", "_deleted",
    "'; drop table canary; --", '"; drop table canary; --', "$$; drop table canary; $$", "\\'; drop table canary; --",
    "'); drop table canary; select ('", "');call postgres_execute('source_pg','drop table canary');--",
    " leading", "trailing ", "NULL", "\u202eright to left", "x" * 63, "é" * 31,
]  # fmt: skip


@pytest.fixture(autouse=True)
def source(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A canary in every place where a statement could be run."""
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    places = ("public.canary", "ecommerce.canary")
    make(dsn, False, *(f"drop table if exists {place}" for place in places))
    execute(dsn, *(f"create table {place} as select 1 as alive" for place in places))
    yield
    assert [ask(dsn, f"select alive from {place}") for place in places] == [[(1,)], [(1,)]]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", mapping=tmp_path / "mapping.toml")
    home.path.mkdir()
    home.tamper("create table canary as select 1 as alive")
    yield home
    assert home.ask("select alive from canary") == [(1,)]


def toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_mapping(home: Home, **tables: dict[str, Any]) -> None:
    """Each table's `table` and `columns`, and the rest, as a mapping file."""
    lines = []
    for name, told in tables.items():
        lines += [f"[tables.{name}]", *([f"table = {toml(told['table'])}"] if "table" in told else [])]
        for section in ("columns", "constants"):
            pairs = told.get(section, {})
            lines += [
                f"[tables.{name}.{section}]",
                *(f"{ours} = {toml(text)}" for ours, text in pairs.items()),
            ]
        for ours, values in told.get("values", {}).items():
            lines.append(f"[tables.{name}.values.{ours}]")
            lines += [f"{toml(theirs)} = {toml(text)}" for theirs, text in values.items()]
    assert home.mapping is not None
    home.mapping.write_text("\n".join(lines), encoding="utf-8")


# ---- names -----------------------------------------------------------------------------------


def theirs(dsn: str, home: Home, schema: str, name: str, tracked: bool) -> str:
    """Customers in a schema, a table and columns of these names; the table in SQL."""
    place = f"{quote(schema)}.{quote(name)}"
    columns = {"customer_id": name, "city": f"{name[:-2]}?2", "country": f"{name[:-2]}?3"}
    others = [column.name for column in SHOP.table("customers").columns if column.name not in columns]
    described = ", ".join(f"{quote(each)} text" for each in (*columns.values(), *others))
    execute(
        dsn,
        f"drop schema if exists {quote(schema)} cascade",
        f"create schema {quote(schema)}",
        f"create table {place} ({described}, primary key ({quote(name)}))",
    )
    if tracked:
        execute(dsn, *change_tracking.statements(schema, {name: name}))
    write_mapping(home, customers={"table": f"{schema}.{name}", "columns": columns})
    return place


@pytest.mark.parametrize("third", [0, 1, 2])
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_tables_and_columns_of_any_name_are_loaded_in_increments(dsn, home, tracked, third):
    # The notes of deleted keys are in a table that is called _deleted, beside those that tell.
    names = [name for name in TEXTS if not tracked or name != "_deleted"]
    for number, name in enumerate(names[third::3]):
        schema = name.replace("canary", "a")
        place = theirs(dsn, home, schema, name, tracked)
        mine = Home(home.path.parent / f"home{number}", mapping=home.mapping)
        execute(dsn, f"insert into {place} values ('1', 'city', 'ID'), ('2', 'town', 'SG'), ('3', 'x', 'x')")
        assert mine.load().tables["customers"].loaded == 3, name
        execute(dsn, f"delete from {place} where {quote(name)} = '3'", f"insert into {place} values ('4')")
        assert mine.load().tables["customers"].rows_in in (1, 3), name
        assert mine.raw("customers", "customer_id", "city", "country") == [
            (1, "city", "ID"),
            (2, "town", "SG"),
            (4, None, None),
        ], name
        assert mine.is_source(), name
        execute(dsn, f"drop schema {quote(schema)} cascade")


def test_a_dot_is_part_of_a_tables_name_and_not_of_a_schemas(dsn, home):
    place = theirs(dsn, home, "plain", "a.b.c", False)
    execute(dsn, f"insert into {place} values ('1', 'city', 'ID')")
    home.load()
    assert home.raw("customers", "customer_id", "city") == [(1, "city")]
    theirs(dsn, home, "plain.x", "a", False)
    with pytest.raises(SourceError, match=r"no readable table plain\.x\.a"):
        home.load(full=True)
    execute(dsn, "drop schema plain cascade", 'drop schema "plain.x" cascade')


@pytest.mark.parametrize(
    "name",
    [
        "x" * 64, "é" * 32, "public.", ".customers", ".", "no.such", 'ecommerce."customers"', "ECOMMERCE.customers",
        "ecommerce.customers; drop table canary", "ecommerce.customers_pkey", "pg_catalog.now()",
    ],
)  # fmt: skip
def test_a_name_that_is_no_table_is_refused_in_words(home, name):
    write_mapping(home, customers={"table": name})
    said = CliRunner().invoke(
        app, ["--home", str(home.path), "load", "ecommerce", "--mapping", str(home.mapping)]
    )
    assert said.exit_code == 1
    assert "has no readable table" in said.output
    assert "Error" not in said.output


def test_an_optional_table_that_is_named_must_be_there(dsn, tmp_path):
    movies, mapping = BUSINESSES["movie_streaming"], tmp_path / "mapping.toml"
    make(dsn, False, business=movies)
    home = Home(tmp_path / "home", movies, mapping)
    mapping.write_text('[tables.ratings]\ntable = "movie_streaming.ratngs"\n')
    with pytest.raises(SourceError, match=r"no readable table movie_streaming\.ratngs"):
        home.load()


def test_of_two_columns_that_differ_in_case_the_one_that_is_meant_is_read(dsn, home):
    execute(dsn, 'alter table ecommerce.customers add "City" text, add "CITY" text')
    execute(
        dsn,
        "insert into ecommerce.customers (customer_id, city, \"City\", \"CITY\") values (1, 'a', 'b', 'c')",
    )
    for name, value in (("city", "a"), ("City", "b"), ("CITY", "c")):
        write_mapping(home, customers={"columns": {"city": name}})
        home.load()
        assert home.raw("customers", "city") == [(value,)]


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "plain"])
def test_values_and_keys_are_never_run_neither_when_they_come_nor_when_they_go(dsn, tmp_path, tracked):
    home = Home(tmp_path / "home")
    execute(
        dsn,
        *(f"alter table ecommerce.{table} alter customer_id type text" for table in ("customers", "orders")),
    )
    if tracked:
        execute(
            dsn, *change_tracking.statements("ecommerce", {table.name: table.key for table in SHOP.tables})
        )
    for number, text in enumerate(TEXTS):
        value = literal(text)
        execute(
            dsn,
            f"insert into ecommerce.customers (customer_id, email, city) values ({value}, {value}, {value})",
        )
        execute(dsn, order(number, 0).replace(f"({number}, 0", f"({number}, {value}"))
        execute(dsn, order(number + 1000, 0).replace(", 0,", f", {literal(text + '!')},"))
    batch = home.load(reconciled=True)
    assert batch.tables["customers"].loaded == batch.tables["orders"].loaded == len(TEXTS)
    assert set(home.raw("customers", "email")) == {(text,) for text in TEXTS}
    assert [row["customer_id"] for row in home.came_as("orders")] == [text + "!" for text in TEXTS]
    assert (
        CliRunner().invoke(app, ["--home", str(home.path), "why", "ecommerce", "--limit", "100"]).exit_code
        == 0
    )
    execute(dsn, "update ecommerce.customers set city = city || '?', customer_id = customer_id || '!'")
    home.load()
    assert home.is_source()
    assert len(home.raw("orders")) == len(TEXTS)
    execute(dsn, "delete from ecommerce.customers")
    assert home.load().tables["customers"].deleted == len(TEXTS)
    assert home.is_source()
    execute(dsn, "delete from ecommerce.orders")
    home.load(full=True)
    assert home.raw("orders") == home.held("orders") == []


def test_constants_and_translations_of_the_mapping_are_texts(dsn, home):
    execute(dsn, CUSTOMER, "alter table ecommerce.orders add channel text")
    texts = [text for text in TEXTS if text != "tab\t"]
    for number, text in enumerate(texts):
        execute(dsn, order(number, status=literal(text), currency=literal(text)))
    for text in (*texts[::3], "source.c11", "source.c1", "a', source.c2 || '"):
        values = {"status": dict.fromkeys([each.strip() for each in texts], "completed")}
        write_mapping(home, orders={"constants": {"currency": text}, "values": values})
        batch = home.load(full=True)
        assert batch.tables["orders"].loaded == len(texts)
        assert set(home.raw("orders", "currency")) == {(text,)}
        assert home.is_source()


@pytest.mark.parametrize("text", ["tab\t", "\nline", "\u00a0nbsp", "İSTANBUL", "ΟΔΟΣ", "straße", "DONE  "])
def test_a_translation_is_found_as_it_is_written(dsn, home, text):
    execute(dsn, CUSTOMER, order(1, status=literal(text)))
    write_mapping(home, orders={"values": {"status": {text: "completed"}}})
    home.load()
    assert home.raw("orders", "status") == [("completed",)]


def test_a_constant_that_looks_like_a_column_hides_no_new_column(dsn, home):
    execute(dsn, CUSTOMER, "alter table ecommerce.orders add channel text", order(1))
    write_mapping(home, orders={"constants": {"currency": "source.c11"}})
    assert "channel" in {each["column"] for each in home.load().drift}


def test_a_key_that_is_mapped_to_another_column_is_deleted_by_that_column(dsn, home):
    with postgres.transaction(dsn) as cursor:
        postgres.create(cursor, SHOP)
    execute(
        dsn, "alter table ecommerce.orders add code bigint", CUSTOMER, order(1, code="2"), order(2, code="1")
    )
    write_mapping(home, orders={"columns": {"order_id": "code"}})
    home.load()
    execute(dsn, "delete from ecommerce.orders where order_id = 1")
    home.load()
    assert home.raw("orders", "order_id") == [(1,)]
    assert home.is_source()


# ---- what a source could do to us ------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["select 1 / 0 as customer_id, * from ecommerce.old", "select *, public.evil() from ecommerce.old"],
    ids=["an error", "a write"],
)
def test_a_view_that_fails_or_writes_is_told_and_leaves_everything_as_it_was(dsn, home, query):
    write_mapping(home)
    execute(dsn, CUSTOMER)
    home.load()
    before = home.content()
    execute(
        dsn,
        "create or replace function public.evil() returns int language plpgsql as"
        " $$ begin drop table public.canary; return 1; end $$",
        "alter table ecommerce.customers rename to old",
        "alter table ecommerce.old rename customer_id to id",
        f"create view ecommerce.customers as {query.replace('*', 'id as customer_id, email, first_name')}"
        if "evil" in query
        else f"create view ecommerce.customers as {query}",
    )
    with pytest.raises(SetiaError) as caught:
        home.load()
    assert all((caught.value.wrong, caught.value.right, caught.value.do))
    assert home.content() == before


def test_tables_in_postgresql_that_are_called_like_ours_in_the_warehouse_are_not_ours(dsn, tmp_path):
    home = Home(tmp_path / "home")
    execute(
        dsn, CUSTOMER, order(1), "drop schema if exists ecommerce_raw cascade", "create schema ecommerce_raw"
    )
    execute(dsn, "create table ecommerce_raw.raw_orders (order_id text, surprise text)")
    execute(dsn, "create table ecommerce_raw._batches (batch_id bigint)")
    home.load()
    execute(dsn, order(2))
    home.load()
    assert home.raw("orders", "order_id") == [(1,), (2,)]
    assert home.is_source()
    execute(dsn, "drop schema ecommerce_raw cascade")


def test_a_password_is_in_no_message_when_reading_fails(dsn, home):
    write_mapping(home)
    execute(dsn, "alter table ecommerce.customers rename to old")
    execute(
        dsn,
        "create view ecommerce.customers as select 1 / 0 as n, * from ecommerce.old",
        "insert into ecommerce.old values (1)",
    )
    with pytest.raises(SetiaError) as caught:
        pipeline.load(load_settings(home.path), SHOP, None, False, lambda what, done, of: None)
    assert dsn.split(":")[2].split("@")[0] not in str(caught.value)
