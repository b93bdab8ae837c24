"""The operational side, PostgreSQL: the embedded server or a DSN, its tables, and reading what changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import duckdb
import duckdb_extension_postgres_scanner
import pyarrow as pa
from duckdb import DuckDBPyConnection

from setia import embedded
from setia.errors import SetiaError, SourceError
from setia.schema import Business, Table
from setia.settings import Settings
from setia.sources import Source, SourceTable, match_columns
from setia.warehouses import literal, quote

COLUMN_TYPES = {
    "key": "bigint",
    "string": "text",
    "integer": "bigint",
    "decimal": "numeric(18, 4)",
    "float": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp with time zone",
}
NAME = "PostgreSQL"
STATE = "simulation"  # beside the tables: how far the simulated history reaches, and how it goes on


@contextmanager
def server(settings: Settings) -> Iterator[str]:
    """The DSN of the operational database; the embedded server runs at least until leaving."""
    if settings.postgres_url is not None:
        yield settings.postgres_url.get_secret_value()
    else:
        with embedded.server(settings.home / "postgres") as dsn:
            yield dsn


@contextmanager
def transaction(dsn: str) -> Iterator[Any]:
    """An ADBC cursor in one transaction: committed on leaving, rolled back on any error.

    Raises SourceError when the server refuses or fails; the password is not in it.
    """
    try:
        with adbc_driver_postgresql.dbapi.connect(dsn) as connection, connection.cursor() as cursor:
            try:
                yield cursor
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
    except adbc_driver_manager.Error as error:
        raise explain(dsn, error) from None


def explain(dsn: str, error: Exception) -> SetiaError:
    """The error of a server that refuses or fails, without its password."""
    parts = urlsplit(dsn)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines).replace(dsn, "the server").replace(f":{parts.password}@", ":***@")
    return SourceError(
        f"PostgreSQL at {parts.hostname}:{parts.port or 5432} refused (user {parts.username},"
        f" database {parts.path.lstrip('/')}): {said[:300]}",
        "It must be running, accept this user, and hold the business's tables.",
        "Correct SETIA_POSTGRES_URL, or unset it to use the embedded server.",
    )


def create(cursor: Any, business: Business) -> None:
    """Makes the business's schema and tables where they are missing.

    No foreign keys: what a careless application writes must be able to arrive, so that load can judge it.
    """
    cursor.execute(f"create schema if not exists {quote(business.name)}")
    for table in business.tables:
        columns = ", ".join(f"{quote(column.name)} {COLUMN_TYPES[column.type]}" for column in table.columns)
        cursor.execute(
            f"create table if not exists {_name(business, table.name)} ({columns}, primary key ({quote(table.key)}))"
        )
    cursor.execute(
        f"create table if not exists {_name(business, STATE)} (id bigint primary key, plan text not null,"
        " until timestamp with time zone not null, state bytea not null)"
    )


def append(cursor: Any, business: Business, table: str, rows: pa.Table) -> None:
    """Writes new rows; their keys must not be there yet."""
    cursor.adbc_ingest(table, rows, mode="append", db_schema_name=business.name)


def upsert(cursor: Any, business: Business, table: Table, rows: pa.Table) -> None:
    """Writes rows by key: new ones are added, known ones replaced whole."""
    stage = f"stage_{table.name}"
    cursor.adbc_ingest(stage, rows, mode="create", temporary=True)
    names = ", ".join(quote(column.name) for column in table.columns)
    replaced = ", ".join(
        f"{quote(column.name)} = excluded.{quote(column.name)}" for column in table.columns[1:]
    )
    cursor.execute(
        f"insert into {_name(business, table.name)} ({names}) select {names} from pg_temp.{quote(stage)}"
        f" on conflict ({quote(table.key)}) do update set {replaced}"
    )
    cursor.execute(f"drop table pg_temp.{quote(stage)}")


def read_state(cursor: Any, business: Business) -> tuple[str, datetime, bytes] | None:
    """(plan, until, state) of the simulated history, held for update; None when there is none."""
    cursor.execute(f"select to_regclass({literal(_name(business, STATE))}) is not null")
    if not cursor.fetchone()[0]:
        return None
    cursor.execute(f"select plan, until, state from {_name(business, STATE)} where id = 1 for update")
    row = cursor.fetchone()
    return None if row is None else (row[0], row[1], row[2])


def write_state(cursor: Any, business: Business, plan: str, until: datetime, state: bytes) -> None:
    """Saves how far the simulated history reaches, in the transaction that wrote its rows."""
    cursor.execute(
        f"insert into {_name(business, STATE)} (id, plan, until, state) values (1, $1, $2, $3)"
        " on conflict (id) do update set plan = excluded.plan, until = excluded.until, state = excluded.state",
        (plan, until, state),
    )


def open_source(
    connection: DuckDBPyConnection, business: Business, dsn: str, zone: str, mark: dict[str, Any] | None
) -> Source:
    """The business's tables in one snapshot of the server, inside DuckDB's running transaction.

    With a `mark` of an earlier read only rows written by transactions that the earlier snapshot could not
    see: each row carries the id of the transaction that wrote it (`xmin`), and every transaction that was
    open then has an id at or above the snapshot's horizon. So a late commit is never lost, no column of the
    source is trusted, and reading rights are enough. A mark of another server or of remade tables is void.
    """
    load_extension(connection)
    try:
        connection.execute(f"attach {literal(dsn)} as source_pg (type postgres, read_only)")
        now = _mark(connection, business)
        tables = _columns(connection, business)
    except duckdb.Error as error:
        raise explain(dsn, error) from None
    found = {table.name: tables[table.name] for table in business.tables if table.name in tables}
    _require(business, found, dsn)
    same = mark is not None and all(mark.get(key) == now[key] for key in ("server", "tables"))
    usable = same and mark is not None and int(mark["horizon"]) <= int(now["horizon"])
    since = int(mark["horizon"]) if usable and mark is not None else None
    covered = _covered_until(connection, business, tables)
    # Rows of a view carry no transaction of their own: it is read whole each time.
    views = [row[0] for row in connection.execute(f"select * from {_query(_views(business))}").fetchall()]
    return Source(
        name=NAME,
        tables=tuple(
            _table(business.table(name), business, columns, None if name in views else since)
            for name, columns in found.items()
        ),
        zone=zone,
        covered_until=covered,
        mark=now,
    )


def load_extension(connection: DuckDBPyConnection) -> None:
    """Loads DuckDB's PostgreSQL extension from its wheel; nothing is downloaded."""
    folder = Path(duckdb_extension_postgres_scanner.__file__).parent
    file = next(folder.rglob("*.duckdb_extension"))
    connection.execute(f"load {literal(str(file))}")


def _query(sql: str) -> str:
    return f"postgres_query('source_pg', {literal(sql)})"


def _mark(connection: DuckDBPyConnection, business: Business) -> dict[str, Any]:
    row = connection.execute(
        "select * from "
        + _query(
            "select pg_snapshot_xmin(pg_current_snapshot())::text,"
            " (select oid::text from pg_database where datname = current_database()) || '/' ||"
            " (select system_identifier::text from pg_control_system()),"
            " coalesce((select string_agg(relname || '=' || pg_class.oid::text, ' ' order by relname) from pg_class"
            f" join pg_namespace on pg_namespace.oid = relnamespace where nspname = {literal(business.name)}"
            " and relkind in ('r', 'p')), '')"
        )
    ).fetchone()
    assert row is not None
    return {"horizon": row[0], "server": row[1], "tables": row[2]}


def _columns(connection: DuckDBPyConnection, business: Business) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "select * from "
        + _query(
            "select table_name::text, column_name::text, data_type::text from information_schema.columns"
            f" where table_schema = {literal(business.name)} order by table_name, ordinal_position"
        )
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        tables.setdefault(table, {})[column] = data_type
    return tables


def _views(business: Business) -> str:
    return (
        "select relname::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        f" where nspname = {literal(business.name)} and relkind not in ('r', 'p')"
    )


def _require(business: Business, found: dict[str, dict[str, str]], dsn: str) -> None:
    missing = [table.name for table in business.tables if not table.optional and table.name not in found]
    if missing:
        parts = urlsplit(dsn)
        raise SourceError(
            f"PostgreSQL at {parts.hostname}:{parts.port or 5432} has no readable table"
            f" {business.name}.{missing[0]}.",
            f"Found in schema {business.name}: {', '.join(found) or 'nothing'}.",
            f"Make the tables with a simulated history:  setia init {business.name}",
        )


def _table(table: Table, business: Business, columns: dict[str, str], since: int | None) -> SourceTable:
    # DuckDB reads numeric NaN as 0.00 and unbounded numeric as a float: text keeps both as they are.
    as_text = {"numeric", "money", "uuid", "interval"}
    selected = ", ".join(
        f"{quote(name)}::text as {quote(name)}" if kind in as_text or kind.startswith("USER") else quote(name)
        for name, kind in columns.items()
    )
    sql = f"select {selected} from {_name(business, table.name)}"
    if since is not None:
        sql += f" where age(xmin) <= age('{since % 2**32}'::xid)"
    where = f"{business.name}.{table.name}"
    expressions = match_columns(table, list(columns), where)
    query = f"select * from {_query(sql)}"
    return SourceTable(table, query, expressions, complete=since is None, current=True)


def _covered_until(
    connection: DuckDBPyConnection, business: Business, tables: dict[str, dict[str, str]]
) -> datetime | None:
    if STATE not in tables:
        return None
    row = connection.execute(
        f"select * from {_query(f'select until from {_name(business, STATE)} where id = 1')}"
    ).fetchone()
    return None if row is None else row[0]


def _name(business: Business, table: str) -> str:
    return f"{quote(business.name)}.{quote(table)}"
