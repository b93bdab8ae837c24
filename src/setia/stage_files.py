"""A source as Parquet that a BigQuery load job takes: each row typed and judged by itself, streamed.

What refers to other rows (orphans, versions, deletions) is judged in the warehouse, where those rows are.
"""

from collections.abc import Callable
from pathlib import Path

from duckdb import DuckDBPyConnection

from setia import quarantine, raw, staging
from setia.schema import Business
from setia.sources import Source, SourceTable, reading
from setia.staging import Origin, Rules
from setia.warehouses import literal, quote

# What one load job reads at a time, and what the writer holds in memory.
ROW_GROUP = 100_000


def write(
    connection: DuckDBPyConnection,
    business: Business,
    source: Source,
    folder: Path,
    progress: Callable[[str], None],
) -> dict[str, int]:
    """Writes `stage_<table>.parquet` of what is new in each table; returns the rows of each.

    Columns: ours, typed as raw has them (DECIMAL as NUMERIC, instants in UTC microseconds), then `_rule` and
    `_column`, NULL for a good row, and of a bad one `_key`, `_zone`, `_row` and `_ours` as quarantine holds
    them. Where the source tells of deletions, `deleted_<table>.parquet` has the keys, as text. Memory stays
    that of a few row groups, however many rows there are.
    """
    read = {
        each.table.name: (each, staging.origin_of(connection, each, source.zone)) for each in source.tables
    }
    nothing: raw.Layout = {table.name: {} for table in business.tables}
    rules = Rules(business, raw.key_types(connection, business, nothing, read), source.zone, alone=True)
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for name, (source_table, origin) in read.items():
        progress(f"write {name}")
        with reading(source_table):
            rows[name] = _write(connection, source_table, origin, rules, folder)
    return rows


def _write(
    connection: DuckDBPyConnection, source_table: SourceTable, origin: Origin, rules: Rules, folder: Path
) -> int:
    table, changes = source_table.table, source_table.changes
    relation = f"({changes.relation})" if changes else origin.relation
    came = Origin("source", relation, origin.expressions, origin.types, origin.zone, number="0")
    places = tuple(f"_c{place}" for place in range(1, len(source_table.columns) + 1))
    names = ", ".join(quote(column.name) for column in table.columns)
    held = ", ".join(
        f"case when _rule is not null then cast({sql} as varchar) end as {name}"
        for name, sql in quarantine.as_held(source_table, came).items()
    )
    judged = staging.select(table, came, rules, keep=places)
    if changes and changes.deleted:
        keys = f"select trim(key) as key from ({changes.deleted}) as gone(key)"
        _copy(connection, keys, folder / f"deleted_{table.name}.parquet")
    rows = f"select {names}, _rule, _column, {held} from ({judged}) as source"
    return _copy(connection, rows, folder / f"stage_{table.name}.parquet")


def _copy(connection: DuckDBPyConnection, query: str, path: Path) -> int:
    row = connection.execute(
        f"copy ({query}) to {literal(str(path))}"
        f" (format parquet, compression zstd, row_group_size {ROW_GROUP})"
    ).fetchone()
    assert row is not None
    return int(row[0])
