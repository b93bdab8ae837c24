"""Rows that broke a rule, whole, with the rule: one table per raw table, and what would fix them."""

from collections.abc import Mapping
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
    table: Table,
    source: tuple[SourceTable, Origin] | None,
    batch: tuple[int, datetime],
) -> None:
    """Makes the quarantine hold exactly the bad rows of `stage`, beside lines that were no rows.

    A row that is still bad keeps the batch in which it came; one that came again, the same, is held once.
    A complete source has said all there is: nothing that was held before stays.
    """
    name = _name(business, table)
    kept = "where _ours is null" if source is None or not source[0].complete else "where false"
    connection.execute(
        "create or replace temp table held as"
        " select held.* replace (stage._rule as _rule, stage._column as _column)"
        f" from {name} as held join stage on stage._origin = 'quarantine' and stage._n = held.rowid"
        " where stage._rule not in ('duplicate', 'unchanged')"
        f" union all select * from {name} {kept}"
    )
    if source is not None:
        origin = source[1]
        places = enumerate(source[0].columns, 1)
        as_it_came = ", ".join(f"{literal(theirs)}, source.c{place}" for place, theirs in places)
        connection.execute(
            "insert into held select $batch_id, $at, stage._rule, stage._column,"
            f" cast({origin.expressions[table.key]} as varchar), {origin.zone}, json_object({as_it_came}),"
            f" {_texts(table, origin.expressions)} from {origin.relation} as source"
            " join stage on stage._origin = 'source' and stage._n = source.rowid"
            " where stage._rule not in ('duplicate', 'unchanged')",
            {"batch_id": batch[0], "at": batch[1]},
        )
    connection.execute(f"delete from {name}")
    connection.execute(
        f"insert into {name} select * from held qualify row_number() over ("
        " partition by _key, _row, _ours order by _batch_id, _rule, _column) = 1"
        " order by _batch_id, _rule, _column, _key, _row"
    )
    connection.execute("drop table held")


def keep_rejects(
    connection: DuckDBPyConnection,
    business: Business,
    source_table: SourceTable,
    batch: tuple[int, datetime],
) -> int:
    """Holds the lines that were no rows at all, as text; returns how many the source had."""
    name = _name(business, source_table.table)
    lines = f"(select csv_line as line from ({source_table.rejects}))"
    connection.execute(
        f"insert into {name} select distinct $batch_id, $at, 'not_parseable', null, null, '', to_json(line), null"
        f" from {lines} where to_json(line) not in (select _row from {name} where _ours is null)",
        {"batch_id": batch[0], "at": batch[1]},
    )
    row = connection.execute(f"select count(*) from {lines}").fetchone()
    return int(row[0]) if row else 0


def withdraw(
    connection: DuckDBPyConnection,
    business: Business,
    table: Table,
    query: str,
    batch: tuple[int, datetime, str],
) -> int:
    """Moves rows of raw, with the rule and the column that they break now, into quarantine; returns how many.

    `query` selects whole rows of raw and then the rule and the column.
    """
    raw, key = f"{business.name}_raw.{table.raw}", quote(table.key)
    names = [column.name for column in table.columns]
    aliases = ", ".join(quote(name) for name in (*names, "_at", "_from", "_gone", "_rule", "_column"))
    connection.execute(f"create or replace temp table withdrawn as select * from ({query}) as one({aliases})")
    row = connection.execute("select count(*) from withdrawn").fetchone()
    if row is None or not row[0]:
        return 0
    ours = {name: f"source.{quote(name)}" for name in names}
    values = ", ".join(f"{quote(name)} := {sql}" for name, sql in ours.items())
    connection.execute(
        f"insert into {_name(business, table)} select $batch_id, $at, _rule, _column, cast({key} as varchar),"
        f" $zone, to_json(struct_pack({values})), {_texts(table, ours)} from withdrawn as source"
        f" where cast({key} as varchar) not in (select _key from {_name(business, table)} where _key is not null)",
        {"batch_id": batch[0], "at": batch[1], "zone": batch[2]},
    )
    connection.execute(f"delete from {raw} where {key} in (select {key} from withdrawn)")
    return int(row[0])


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


def _texts(table: Table, expressions: Mapping[str, str]) -> str:
    """SQL of our columns as a JSON object of texts, which `origin` reads again."""
    texts = ", ".join(
        f"{quote(column.name)} := cast({expressions[column.name]} as varchar)" for column in table.columns
    )
    return f"to_json(struct_pack({texts}))"
