"""What a load took for granted, in sentences: whatever a source does not say and the figures need."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from duckdb import DuckDBPyConnection

from setia import batches, staging
from setia.batches import TableCounts
from setia.schema import Column, Table
from setia.sources import SourceTable
from setia.staging import Origin, Rules
from setia.warehouses import quote

# Times with and without an offset are rarely mixed: the first rows of a file tell which they are.
LOOKED_AT = 10_000

Assumption = dict[str, Any]
"""table; column (several: comma between them); found; assumed; rows (None: not counted); settles; is_new."""


def assumptions(
    connection: DuckDBPyConnection,
    rules: Rules,
    read: Mapping[str, tuple[SourceTable, Origin]],
    counts: Mapping[str, TableCounts],
) -> tuple[Assumption, ...]:
    """What the load that was just done assumed, table by table; asked before its transaction ends."""
    found: list[Assumption] = []
    for name, (source_table, origin) in read.items():
        found += _renamed(source_table, counts[name].rows_in)
        found += _derived(connection, rules, source_table)
        found += _held(source_table, counts[name].rows_in)
        if not any(column.held_without for column in source_table.lacking):
            found += _unsaid(source_table, counts[name].rows_in)
        found += _naive(connection, source_table, origin)
        found += _percentages(connection, rules, source_table)
    known = {_what(one) for one in batches.assumed(connection, rules.business)}
    return tuple(one | {"is_new": _what(one) not in known} for one in found)


def _what(one: Assumption) -> tuple[str, str, str]:
    return one["table"], one["column"], one["assumed"]


def sentence(one: Assumption) -> str:
    """The assumption as people read it."""
    rows = "" if one["rows"] is None else f" ({one['rows']:,} rows)"
    return f"{one['table']}.{one['column']}: {one['found']}; {one['assumed']}{rows}. {one['settles']}"


def _renamed(source_table: SourceTable, rows: int) -> Iterator[Assumption]:
    names, told = list(source_table.columns), source_table.told.get("columns", {})
    for column in source_table.table.columns:
        place = re.fullmatch(r"source\._c([0-9]+)", source_table.expressions[column.name])
        theirs = names[int(place[1]) - 1] if place else ""
        if theirs.lower() in column.aliases and column.name not in told:
            yield _stated(
                source_table.table,
                column.name,
                f"the source calls it {theirs!r}",
                "taken for a misspelling and read",
                rows,
                _mapped(source_table.table, column, theirs),
            )


def _derived(connection: DuckDBPyConnection, rules: Rules, source_table: SourceTable) -> Iterator[Assumption]:
    table = source_table.table
    for column in (column for column in source_table.lacking if column.derived_from):
        derivation, raw = column.derived_from, f"{rules.business.name}_raw.{table.raw}"
        assert derivation is not None
        row = connection.execute(f"select count(*) from {raw} where _deleted_at is null").fetchone()
        yield _stated(
            table,
            column.name,
            "the source has no such column",
            f"it is the {derivation.column} that all {derivation.table} of the row name; "
            "rows of which none or several are named are in quarantine",
            row[0] if row else None,
            _mapped(table, column),
        )


def _held(source_table: SourceTable, rows: int) -> Iterator[Assumption]:
    for column in (column for column in source_table.lacking if column.held_without):
        yield _stated(
            source_table.table,
            column.name,
            "the source has no such column",
            f"{column.held_without}, so that all are in quarantine and none is in a figure",
            rows,
            _mapped(source_table.table, column),
        )


def _unsaid(source_table: SourceTable, rows: int) -> Iterator[Assumption]:
    unsaid = [column for column in source_table.lacking if column.unsaid]
    if unsaid:
        names = ", ".join(column.name for column in unsaid)
        yield _stated(
            source_table.table,
            names,
            "the source has no such column" if len(unsaid) == 1 else "the source has no such columns",
            ", ".join(column.unsaid for column in unsaid),
            rows,
            f"Else give them in the mapping: [tables.{source_table.table.name}.columns] or .constants.",
        )


def _naive(connection: DuckDBPyConnection, source_table: SourceTable, origin: Origin) -> Iterator[Assumption]:
    instants = [column.name for column in source_table.table.columns if column.type == "timestamp"]
    naive = [name for name in instants if _is_naive(connection, source_table, origin, name)]
    if naive:
        yield _stated(
            source_table.table,
            ", ".join(naive),
            "there are times without a zone",
            f"they are read as times of {origin.zone[1:-1]}",
            None,
            'Else write them with an offset, or say in the mapping: timezone = "THEIR ZONE".',
        )


def _is_naive(connection: DuckDBPyConnection, source_table: SourceTable, origin: Origin, column: str) -> bool:
    value, source_type = source_table.expressions[column], origin.types[column]
    if not value.startswith("source._c"):
        return False
    if source_type != "VARCHAR":
        return source_type == "DATE" or source_type in (
            "TIMESTAMP",
            "TIMESTAMP_S",
            "TIMESTAMP_MS",
            "TIMESTAMP_NS",
        )
    if "postgres_query" in source_table.relation:
        return False  # the server would send every row
    _, naive = staging.instant_texts(f"trim({value})")
    first = f"select {value} from ({source_table.relation}) as source limit {LOOKED_AT}"
    query = f"select 1 from ({first}) as source({value.removeprefix('source.')}) where {naive} is not null limit 1"
    return connection.execute(query).fetchone() is not None


def _percentages(
    connection: DuckDBPyConnection, rules: Rules, source_table: SourceTable
) -> Iterator[Assumption]:
    table = source_table.table
    for column in (column for column in table.columns if column.is_share):
        name, raw = quote(column.name), f"{rules.business.name}_raw.{table.raw}"
        # The scale is told by all rows; in an increment they are asked only when some came that may tell it.
        before = f"(select coalesce(max(batch_id), 0) from {rules.business.name}_raw._batches)"
        newest = f"_batch_id > {before} and {name} > 1"
        telling = f"select 1 from {raw} where {newest} limit 1"
        if source_table.changes and not connection.execute(telling).fetchone():
            continue
        row = connection.execute(
            f"select count(*) filter ({name} > 1), count(*) filter ({name} > 0), count({name})"
            f" from {raw} where _deleted_at is null"
        ).fetchone()
        above_one, above_zero, rows = row or (0, 0, 0)
        if above_one and 2 * above_one >= above_zero:
            yield _stated(
                table,
                column.name,
                "at least half of the values above 0 exceed 1",
                "all are read as 0-100",
                rows,
                "Else write all of them as 0-1.",
            )


def _mapped(table: Table, column: Column, theirs: str = "THEIR COLUMN") -> str:
    return f'Settle it in the mapping: [tables.{table.name}.columns] {column.name} = "{theirs}".'


def _stated(
    table: Table, column: str, found: str, assumed: str, rows: int | None, settles: str
) -> Assumption:
    words = (table.name, column, found, assumed, rows, settles)
    return dict(zip(("table", "column", "found", "assumed", "rows", "settles"), words, strict=True))
