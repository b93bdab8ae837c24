"""PostgreSQL as a source: all tables in one snapshot, and of each what changed since the last one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import duckdb_extension_postgres_scanner
from duckdb import DuckDBPyConnection

from setia import change_tracking
from setia.errors import SourceError
from setia.postgres import NAME, STATE, explain
from setia.schema import Business, Table
from setia.sources import Changes, Source, SourceTable, match_columns
from setia.warehouses import literal, quote

# What DuckDB reads as it is. It takes numeric NaN for 0.00 and unbounded numeric for a float, and stumbles
# over nested arrays: all else comes as text.
PLAIN = {
    *("smallint", "integer", "bigint", "real", "double precision", "boolean", "text", "character varying"),
    *("date", "timestamp without time zone", "timestamp with time zone"),
}


TEXTS = {"text", "character varying", "character"}


@dataclass
class Relation:
    """A table or view of the source, and how it is made."""

    schema: str
    name: str
    files: str
    is_table: bool
    triggers: str
    noted: str
    columns: dict[str, str] = field(default_factory=dict)
    unique: set[str] = field(default_factory=set)
    signature: list[str] = field(default_factory=list)

    @property
    def is_tracked(self) -> bool:
        """Whether the table itself says what changes in it."""
        return self.triggers != "" and change_tracking.CHANGED in self.columns

    @property
    def sql(self) -> str:
        """The relation's name in SQL."""
        return f"{quote(self.schema)}.{quote(self.name)}"

    @property
    def made(self) -> str:
        """What the next read compares: columns that are added with a default or renamed touch no row."""
        return f"{self.files}: {' '.join(self.signature)} {self.triggers}"


def open_source(
    connection: DuckDBPyConnection,
    business: Business,
    dsn: str,
    zone: str,
    mark: dict[str, Any] | None,
    mapping: Mapping[str, Any] | None = None,
) -> Source:
    """The business's tables in one snapshot of the server, inside DuckDB's running transaction.

    With a `mark` of an earlier read only rows written by transactions that the earlier snapshot could not
    see: each row carries the id of the transaction that wrote it, and every transaction that was
    open then has an id at or above the snapshot's horizon. So a late commit is never lost, no column of the
    source is trusted, and reading rights are enough. A mark of another server or of remade tables is void.
    The mark handed back says in `compared_at` when everything was read.
    """
    load_extension(connection)
    told, zone = (mapping or {}).get("tables", {}), (mapping or {}).get("timezone", zone)
    wanted = {table.name: _place(business, table, told.get(table.name, {})) for table in business.tables}
    try:
        connection.execute(f"attach {literal(dsn)} as source_pg (type postgres, read_only)")
        catalog = _catalog(connection, business, wanted)
        found = {name: catalog[place] for name, place in wanted.items() if place in catalog}
        now = _mark(connection, found, told, zone)
        since = {name: _since(mark, now, name) for name in found}
        until = _covered_until(connection, business) if (business.name, STATE) in catalog else None
    except duckdb.Error as error:
        raise explain(dsn, error) from None
    _require(business, wanted, found, told, dsn)
    tables = tuple(
        _table(business.table(name), relation, since[name], told.get(name, {}))
        for name, relation in found.items()
    )
    is_whole = not any(table.changes for table in tables if found[table.table.name].is_table)
    compared_at = now["read_at"] if is_whole or mark is None else mark["compared_at"]
    return Source(NAME, tables, zone, until, now | {"compared_at": compared_at})


def load_extension(connection: DuckDBPyConnection) -> None:
    """Loads DuckDB's PostgreSQL extension from its wheel; nothing is downloaded."""
    folder = Path(duckdb_extension_postgres_scanner.__file__).parent
    file = next(folder.rglob("*.duckdb_extension"))
    connection.execute(f"load {literal(str(file))}")


def _place(business: Business, table: Table, told: Mapping[str, Any]) -> tuple[str, str]:
    schema, dot, name = told.get("table", "").partition(".")
    return (schema, name) if dot else (business.name, schema or table.name)


def _query(sql: str) -> str:
    return f"postgres_query('source_pg', {literal(sql)})"


def _mark(
    connection: DuckDBPyConnection, found: dict[str, Relation], told: Mapping[str, Any], zone: str
) -> dict[str, Any]:
    """What the next read compares: the snapshot's horizon, the server, and the tables as they are made."""
    row = connection.execute(
        "select * from "
        + _query(
            "select pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text,"
            " (select oid::text from pg_database where datname = current_database()) || '/' ||"
            " (select system_identifier::text from pg_control_system()) || '/' ||"
            # A server that took over from another may use numbers again that the other had given out.
            " case when pg_is_in_recovery() then 'standby' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end"
            # So may a server that crashed; then, and hardly ever else, its statistics begin anew.
            " || '/' || coalesce(extract(epoch from pg_stat_get_bgwriter_stat_reset_time())::text, ''),"
            " to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"
        )
    ).fetchone()
    assert row is not None
    tables = {name: f"{each.made} {zone} {told.get(name, '')}" for name, each in sorted(found.items())}
    # Where both are the same, no transaction was under way, and what is read next was never read before.
    return {"horizon": row[0], "next": row[1], "server": row[2], "tables": tables, "read_at": row[3]}


def _since(mark: dict[str, Any] | None, now: dict[str, Any], name: str) -> tuple[int, bool] | None:
    """The horizon from which to read a table, and whether all from there on is new; None: read it whole."""
    if mark is None or mark["server"] != now["server"] or mark["tables"].get(name) != now["tables"][name]:
        return None
    horizon = int(mark["horizon"])
    return (horizon, mark.get("next") == mark["horizon"]) if horizon <= int(now["horizon"]) else None


def _catalog(
    connection: DuckDBPyConnection, business: Business, wanted: dict[str, tuple[str, str]]
) -> dict[tuple[str, str], Relation]:
    """The relations that are wanted, and the business's own beside them, by schema and name."""
    places = {*wanted.values(), (business.name, STATE)}
    names = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in sorted(places))
    rows = connection.execute(
        "select * from "
        + _query(
            "select nspname::text, relname::text, attnum::int, attname::text,"
            " format_type(atttypid, null)::text,"
            # What changes what rows say, and no row: a type's precision, an enum's words, an expression.
            " concat_ws(' ', atttypmod, (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum"
            "  where enumtypid = atttypid), (select pg_attrdef.oid || '/' || pg_attrdef.xmin from pg_attrdef"
            "  where adrelid = attrelid and adnum = attnum and attgenerated <> ''))::text,"
            " attnotnull and exists (select from pg_index where indrelid = attrelid and indisunique"
            "  and indisvalid and indpred is null and indnkeyatts = 1 and indkey[0] = attnum)"
            # One key may be in a table and again in one that inherits from it.
            "  and (relkind = 'p' or not relhassubclass) as is_unique,"
            # The triggers' own xmin: who switches them off and on again has changed them.
            f" (select string_agg(tgname || pg_trigger.xmin::text, ' ' order by tgname) from pg_trigger"
            f"  where tgrelid = attrelid and tgname in {change_tracking.TRIGGERS} and tgenabled = 'A'"
            "  and relkind = 'r' and not relhassubclass"
            "  and has_table_privilege(to_regclass(format('%I.%I', nspname,"
            f"   {literal(change_tracking.DELETED)})), 'select')"
            f"  having count(*) = {len(change_tracking.TRIGGERS)}) as triggers,"
            # The files that hold the rows, of partitions too: one that is attached brings old rows.
            " (with recursive family(member) as (select pg_class.oid union select inhrelid from pg_inherits"
            "  join family on inhparent = member) select string_agg(concat_ws('/', member, held.relfilenode,"
            "  held.xmin), ' ' order by member) from family join pg_class as held on held.oid = member) as files,"
            " (select encode(tgargs, 'hex') from pg_trigger where tgrelid = attrelid and tgname = '_note_deleted'"
            "  and tgenabled = 'A') as noted,"
            # Rows of a view carry no transaction of their own, and a policy may show old rows at any time.
            " relkind in ('r', 'p') and not row_security_active(pg_class.oid) as is_table"
            " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
            " join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped"
            f" where (nspname, relname) in ({names}) and relkind in ('r', 'p', 'v', 'm', 'f')"
            " order by nspname, relname, attnum"
        )
    ).fetchall()
    catalog: dict[tuple[str, str], Relation] = {}
    for schema, name, number, column, type_name, details, is_unique, triggers, files, noted, is_table in rows:
        new = Relation(schema, name, files, is_table, triggers or "", noted or "")
        relation = catalog.setdefault((schema, name), new)
        relation.columns[column] = type_name
        relation.unique |= {column} if is_unique else set()
        relation.signature.append(f"{number}={column}={type_name} {details}{'!' * is_unique}")
    return catalog


def _require(
    business: Business,
    wanted: dict[str, tuple[str, str]],
    found: dict[str, Relation],
    told: Mapping[str, Any],
    dsn: str,
) -> None:
    needed = [table for table in business.tables if not table.optional or "table" in told.get(table.name, {})]
    missing = [table for table in needed if table.name not in found]
    if missing:
        parts, name = urlsplit(dsn), ".".join(wanted[missing[0].name])
        raise SourceError(
            f"PostgreSQL at {parts.hostname}:{parts.port or 5432} has no readable table {name}.",
            f"Found of {business.name}: {', '.join(found) or 'nothing'}.",
            f"Make the tables with a simulated history:  setia init {business.name}\n"
            f'Or name yours in a mapping:  [tables.{missing[0].name}]\ntable = "SCHEMA.TABLE"',
        )


def _table(
    table: Table, relation: Relation, since: tuple[int, bool] | None, told: Mapping[str, Any]
) -> SourceTable:
    columns = {
        name: kind
        for name, kind in relation.columns.items()
        if not (relation.is_tracked and name == change_tracking.CHANGED)
    }
    selected = ", ".join(
        quote(name) if kind in PLAIN else f"{quote(name)}{'::numeric' * (kind == 'money')}::text"
        for name, kind in columns.items()
    )
    aliases = ", ".join(f"_c{place}" for place in range(1, len(columns) + 1))

    def rows(where: str) -> str:
        read = f"select {selected} from {relation.sql}{where}"
        return f"select * from {_query(f'with rows ({aliases}) as ({read}) select * from rows')}"

    expressions = match_columns(table, list(columns), f"{relation.schema}.{relation.name}", told)
    key = expressions[table.key]
    places = {f"source._c{place}": name for place, name in enumerate(columns, 1)}
    is_unique = places.get(key) in relation.unique
    return SourceTable(
        table,
        rows(""),
        columns,
        expressions,
        complete=True,
        current=True,
        unique=is_unique,
        alike=_alike(relation, places[key]) if is_unique else None,
        # Of several rows of one key the other ones may be asked for.
        changes=_changes(relation, rows, places[key], *since)
        if since and relation.is_table and is_unique
        else None,
        told=told,
    )


def _alike(relation: Relation, key: str) -> str | None:
    """SQL that has a row when two texts may be one key, because spaces around a key mean nothing."""
    if relation.columns[key] not in TEXTS:
        return None
    spaced = f"select 1 from {relation.sql} where {quote(key)}::text <> btrim({quote(key)}::text) limit 1"
    return f"select * from {_query(spaced)}"


def _changes(relation: Relation, rows: Callable[[str], str], key: str, since: int, is_new: bool) -> Changes:
    if not relation.is_tracked or relation.noted != f"{key.encode().hex()}00":
        # A subquery, because age() of a constant would be computed anew for every row.
        written = rows(f" where age(xmin) <= (select age('{since % 2**32}'::xid))")
        count = f"select * from {_query(f'select count(*) from {relation.sql}')}"
        return Changes(written, count=count, is_new=is_new)
    notes = f"{quote(relation.schema)}.{change_tracking.DELETED}"
    deleted = (
        f"select key from {notes} where changed >= '{since}'::xid8 and table_name = {literal(relation.name)}"
        # A key may be there again, written by a transaction with a lower number than the one that deleted it.
        f" and not exists (select from {relation.sql} as back"
        f" where back.{quote(key)} = key::{relation.columns[key]})"
    )
    written = rows(f" where {change_tracking.CHANGED} >= '{since}'::xid8")
    return Changes(written, deleted=f"select * from {_query(deleted)}", is_new=is_new)


def _covered_until(connection: DuckDBPyConnection, business: Business) -> datetime | None:
    sql = f"select until from {quote(business.name)}.{quote(STATE)} where id = 1"
    row = connection.execute(f"select * from {_query(sql)}").fetchone()
    return None if row is None else row[0]
