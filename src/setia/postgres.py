"""The operational side, PostgreSQL: the embedded server or a DSN, its tables, and writing to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from setia import change_tracking, embedded
from setia.errors import SetiaError, SourceError
from setia.schema import Business, Table
from setia.settings import Settings
from setia.warehouses import literal, quote

if TYPE_CHECKING:
    import pyarrow as pa

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
    # Only what writes pays for these: with pandas installed they take longer to import than a small load.
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi

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
    The tables say themselves what changes in them, so that a load need not look through all of them.
    """
    cursor.execute(f"create schema if not exists {quote(business.name)}")
    for table in business.tables:
        columns = ", ".join(f"{quote(column.name)} {COLUMN_TYPES[column.type]}" for column in table.columns)
        cursor.execute(
            f"create table if not exists {_name(business, table.name)} ({columns}, primary key ({quote(table.key)}))"
        )
    for statement in change_tracking.statements(
        business.name, {table.name: table.key for table in business.tables}
    ):
        cursor.execute(statement)
    cursor.execute(
        f"create table if not exists {_name(business, STATE)} (id bigint primary key, plan text not null,"
        " until timestamp with time zone not null, state bytea not null)"
    )


def append(cursor: Any, business: Business, table: str, rows: "pa.Table") -> None:
    """Writes new rows; their keys must not be there yet."""
    cursor.adbc_ingest(table, rows, mode="append", db_schema_name=business.name)


def upsert(cursor: Any, business: Business, table: Table, rows: "pa.Table") -> None:
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


def _name(business: Business, table: str) -> str:
    return f"{quote(business.name)}.{quote(table)}"
