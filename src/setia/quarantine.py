"""Rows that broke a rule, whole, with the rule: one table per raw table, and what would fix them."""

from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from setia.schema import Business, Table
from setia.sources import SourceTable
from setia.staging import Origin
from setia.warehouses import literal, quote

FIXES = {
    "missing_key": "Give the row a key in the source.",
    "not_parseable": "Write the value as the column's type asks, or map the right column.",
    "missing_value": "Fill the value in the source.",
    "unknown_value": "Use a known value, or translate it in the mapping: [tables.T.values.COLUMN].",
    "impossible_value": "Correct the value in the source.",
    "end_before_start": "Correct the two dates in the source.",
    "orphan": "Load the row it refers to; this row is then released by itself.",
    "owner_mismatch": "Correct the owner of this row or of the row it refers to.",
    "before_parent": "Correct the date of this row, or the date on which the row it refers to began.",
}


def create(connection: DuckDBPyConnection, business: Business, table: Table) -> None:
    """Makes the quarantine of a table when it is not there."""
    connection.execute(
        f"create table if not exists {_name(business, table)} (_batch_id bigint not null,"
        " _quarantined_at timestamptz not null, _rule varchar not null, _column varchar, _key varchar,"
        " _zone varchar not null, _row json not null, _ours json)"
    )


def origin(business: Business, table: Table) -> Origin:
    """The held rows as an origin of staging: every value as the text it came as."""
    return Origin(
        name="quarantine",
        relation=_name(business, table),
        expressions={
            column.name: f"(source._ours ->> {literal('$.' + column.name)})" for column in table.columns
        },
        types={column.name: "VARCHAR" for column in table.columns},
        zone="source._zone",
    )


def keep(
    connection: DuckDBPyConnection,
    business: Business,
    source_table: SourceTable,
    source: Origin,
    batch_id: int,
    loaded_at: datetime,
) -> int:
    """Makes the quarantine hold exactly the bad rows of `stage`; returns how many lines were no rows at all.

    A row that is still bad keeps the batch in which it came; one that came again, the same, is held once.
    """
    table = source_table.table
    name = _name(business, table)
    ours = ", ".join(
        f"{quote(column.name)} := cast({source.expressions[column.name]} as varchar)"
        for column in table.columns
    )
    connection.execute(
        f"create or replace temp table held as select held.* replace (stage._rule as _rule, stage._column as _column)"
        f" from {name} as held join stage on stage._origin = 'quarantine' and stage._n = held.rowid"
        " where stage._rule not in ('duplicate', 'unchanged')"
        f" union all select * from {name} where _ours is null"
    )
    connection.execute(
        f"insert into held select {batch_id}, $loaded_at, stage._rule, stage._column,"
        f" cast({source.expressions[table.key]} as varchar), {source.zone}, to_json(source),"
        f" to_json(struct_pack({ours})) from {source.relation} as source"
        " join stage on stage._origin = 'source' and stage._n = source.rowid"
        " where stage._rule not in ('duplicate', 'unchanged')",
        {"loaded_at": loaded_at},
    )
    rejected = _keep_rejects(connection, source_table, batch_id, loaded_at)
    connection.execute(f"delete from {name}")
    connection.execute(
        f"insert into {name} select * from held qualify row_number() over ("
        " partition by _key, _row, _ours order by _batch_id, _rule, _column) = 1"
        " order by _batch_id, _rule, _column, _key, _row"
    )
    connection.execute("drop table held")
    return rejected


def rows(
    connection: DuckDBPyConnection,
    business: Business,
    table: str | None = None,
    rule: str | None = None,
    limit: int = 20,
) -> list[dict[str, Any]]:
    """Held rows, newest batch first, each with its rule, its column and what would fix it."""
    found: list[dict[str, Any]] = []
    for each in business.tables:
        if table in (None, each.name, each.raw):
            fetched = connection.execute(
                "select _batch_id, _quarantined_at, _rule, _column, _key, cast(_row as varchar)"
                f" from {_name(business, each)} where _rule = coalesce(?, _rule)"
                " order by _batch_id desc, _rule, _key limit ?",
                [rule, limit - len(found)],
            ).fetchall()
            names = ("batch_id", "quarantined_at", "rule", "column", "key", "row")
            found += [
                {"table": each.name} | dict(zip(names, row, strict=True)) | {"fix": FIXES[row[2]]}
                for row in fetched
            ]
    return found


def summary(
    connection: DuckDBPyConnection, business: Business, table: str | None = None, rule: str | None = None
) -> list[dict[str, Any]]:
    """How many rows are held, per table, rule and column."""
    found: list[dict[str, Any]] = []
    for each in business.tables:
        if table in (None, each.name, each.raw):
            fetched = connection.execute(
                f"select _rule, _column, count(*) from {_name(business, each)}"
                " where _rule = coalesce(?, _rule) group by all order by 3 desc, 1, 2",
                [rule],
            ).fetchall()
            found += [
                {"table": each.name, "rule": broken, "column": column, "rows": count, "fix": FIXES[broken]}
                for broken, column, count in fetched
            ]
    return found


def _name(business: Business, table: Table) -> str:
    return f"{business.name}_quarantine.{table.raw}"


def _keep_rejects(
    connection: DuckDBPyConnection, source_table: SourceTable, batch_id: int, loaded_at: datetime
) -> int:
    if source_table.rejects is None:
        return 0
    row = connection.execute(
        f"insert into held select {batch_id}, $loaded_at, 'not_parseable', null, null, '',"
        f" to_json(line), null from (select distinct csv_line as line from ({source_table.rejects}))",
        {"loaded_at": loaded_at},
    ).fetchone()
    return int(row[0]) if row else 0
