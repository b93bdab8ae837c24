"""The operational side, PostgreSQL: the embedded server or a DSN, its tables, and reading what changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


PLAIN = {
    *("smallint", "integer", "bigint", "real", "double precision", "boolean", "text", "character varying"),
    *("date", "timestamp without time zone", "timestamp with time zone"),
}


@dataclass(frozen=True)
class Relation:
    """A table or view of the source: its columns with their types, and what a change of them changes."""

    oid: str
    is_table: bool
    columns: dict[str, str]
    signature: list[str]


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
        catalog = _catalog(connection, business)
        found = {table.name: catalog[table.name] for table in business.tables if table.name in catalog}
        now = _mark(connection, found)
    except duckdb.Error as error:
        raise explain(dsn, error) from None
    _require(business, list(found), dsn)
    same = mark is not None and all(mark.get(key) == now[key] for key in ("server", "tables"))
    usable = same and mark is not None and int(mark["horizon"]) <= int(now["horizon"])
    since = int(mark["horizon"]) if usable and mark is not None else None
    return Source(
        name=NAME,
        tables=tuple(
            # Rows of a view carry no transaction of their own: it is read whole each time.
            _table(business.table(name), business, relation.columns, since if relation.is_table else None)
            for name, relation in found.items()
        ),
        zone=zone,
        covered_until=_covered_until(connection, business) if STATE in catalog else None,
        mark=now,
    )


def load_extension(connection: DuckDBPyConnection) -> None:
    """Loads DuckDB's PostgreSQL extension from its wheel; nothing is downloaded."""
    folder = Path(duckdb_extension_postgres_scanner.__file__).parent
    file = next(folder.rglob("*.duckdb_extension"))
    connection.execute(f"load {literal(str(file))}")


def _query(sql: str) -> str:
    return f"postgres_query('source_pg', {literal(sql)})"


def _mark(connection: DuckDBPyConnection, catalog: dict[str, Relation]) -> dict[str, Any]:
    """What the next read compares: the snapshot's horizon, the server, and the tables with their columns.

    Columns that are added with a default, dropped or renamed touch no row, so no row would tell of them.
    """
    row = connection.execute(
        "select * from "
        + _query(
            "select pg_snapshot_xmin(pg_current_snapshot())::text,"
            " (select oid::text from pg_database where datname = current_database()) || '/' ||"
            " (select system_identifier::text from pg_control_system())"
        )
    ).fetchone()
    assert row is not None
    tables = {name: f"{each.oid}: {' '.join(each.signature)}" for name, each in sorted(catalog.items())}
    return {"horizon": row[0], "server": row[1], "tables": tables}


def _catalog(connection: DuckDBPyConnection, business: Business) -> dict[str, Relation]:
    rows = connection.execute(
        "select * from "
        + _query(
            "select relname::text, relkind::text, pg_class.oid::text, attnum::int, attname::text,"
            " format_type(atttypid, null)::text from pg_class"
            " join pg_namespace on pg_namespace.oid = relnamespace"
            " join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped"
            f" where nspname = {literal(business.name)} and relkind in ('r', 'p', 'v', 'm', 'f')"
            " order by relname, attnum"
        )
    ).fetchall()
    catalog: dict[str, Relation] = {}
    for name, kind, oid, number, column, type_name in rows:
        relation = catalog.setdefault(name, Relation(oid, kind in ("r", "p"), {}, []))
        relation.columns[column] = type_name
        relation.signature.append(f"{number}={column}={type_name}")
    return catalog


def _require(business: Business, found: list[str], dsn: str) -> None:
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
    # DuckDB reads numeric NaN as 0.00 and unbounded numeric as a float, and stumbles over nested arrays:
    # what is not known to arrive whole comes as text.
    selected = ", ".join(
        quote(name) if kind in PLAIN else f"{quote(name)}{'::numeric' * (kind == 'money')}::text"
        for name, kind in columns.items()
    )
    aliases = ", ".join(f"c{place}" for place in range(1, len(columns) + 1))
    where_new = "" if since is None else f" where age(xmin) <= age('{since % 2**32}'::xid)"
    rows = f"select {selected} from {_name(business, table.name)}{where_new}"
    sql = f"with rows ({aliases}) as ({rows}) select * from rows"
    where = f"{business.name}.{table.name}"
    expressions = match_columns(table, list(columns), where)
    query, complete = f"select * from {_query(sql)}", since is None
    return SourceTable(table, query, tuple(columns), expressions, complete=complete, current=True)


def _covered_until(connection: DuckDBPyConnection, business: Business) -> datetime | None:
    row = connection.execute(
        f"select * from {_query(f'select until from {_name(business, STATE)} where id = 1')}"
    ).fetchone()
    return None if row is None else row[0]


def _name(business: Business, table: str) -> str:
    return f"{quote(business.name)}.{quote(table)}"
