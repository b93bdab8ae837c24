"""Keys that a source's rows lack and other rows tell, such as the owner of a subscription by its payments."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from duckdb import DuckDBPyConnection

from setia import quarantine, staging
from setia.errors import SourceError
from setia.raw import Layout
from setia.schema import Business, Column, Derivation, Table
from setia.sources import Source, SourceTable, reading
from setia.staging import Origin, Rules
from setia.warehouses import quote


def derived(business: Business, source: Source, mark: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """(table, column) of what other rows tell, with the name of the lookup; of absent tables as the mark says."""
    read = {each.table.name: each for each in source.tables}
    found = {}
    for table in business.tables:
        for column in (column for column in table.columns if column.derived_from):
            if table.name in read:
                is_derived = column in read[table.name].lacking
            else:
                is_derived = f"{table.name}.{column.name}" in mark.get("derived", [])
            if is_derived:
                found[(table.name, column.name)] = f"told_{table.name}_{column.name}"
    return found


def insist(
    connection: DuckDBPyConnection, business: Business, source: Source, there: Layout, mark: Mapping[str, Any]
) -> None:
    """Raises SourceError when a table lacks a needed column that the rows before it had: they would be lost."""
    for each in source.tables:
        for column in each.lacking:
            is_as_before = f"{each.table.name}.{column.name}" in mark.get("derived", [])
            is_needed = column.held_without or (column.derived_from and not is_as_before)
            if not is_needed or each.complete or not there[each.table.name]:
                continue
            if _has(connection, business, each.table, column):
                raise SourceError(
                    f"{each.table.raw} has no column {column.name!r}, which earlier loads had.",
                    f"Found: {', '.join(each.columns)}.",
                    f"Name it in the mapping:  [tables.{each.table.name}.columns]\n"
                    f'{column.name} = "THEIR COLUMN"\nOr, if these files are all there is, add --full.',
                )


def _has(connection: DuckDBPyConnection, business: Business, table: Table, column: Column) -> bool:
    query = (
        f"select 1 from {business.name}_raw.{table.raw}"
        f" where _deleted_at is null and {quote(column.name)} is not null limit 1"
    )
    return connection.execute(query).fetchone() is not None


def look_up(
    connection: DuckDBPyConnection, rules: Rules, read: Mapping[str, tuple[SourceTable, Origin]]
) -> None:
    """Makes the lookups: for each key that is told of, the value that all agree on; NULL when they do not.

    Everything that is known speaks: what comes now, what raw has, and what is held, whatever it is held for.
    """
    for (table, column), lookup in rules.derived.items():
        derivation = rules.business.table(table).column(column).derived_from
        assert derivation is not None
        teller = derivation.table
        with reading(read[teller][0]) if teller in read else nullcontext():
            _look_up(connection, rules, read, derivation, lookup)


def _look_up(
    connection: DuckDBPyConnection,
    rules: Rules,
    read: Mapping[str, tuple[SourceTable, Origin]],
    derivation: Derivation,
    lookup: str,
) -> None:
    teller = rules.business.table(derivation.table)
    key, reference, value = (quote(name) for name in (teller.key, derivation.reference, derivation.column))
    wanted = f"{key} as key, {reference} as reference, {value} as value, updated_at"
    is_all = teller.name in read and read[teller.name][0].complete
    kept = f"{rules.business.name}_raw.{teller.raw} where _deleted_at is null and not {is_all}"
    versions = f"({_versions(rules, teller, read, is_all)}) where {key} is not null"
    twice = f"select 1 from {versions} group by {key} having count(*) > 1 limit 1"
    # Which version of a row speaks is chosen as the merge chooses the one that stays; judging costs most.
    judged = "_rule is null desc," if connection.execute(twice).fetchone() else ""
    connection.execute(
        f"create or replace temp table {lookup} as"
        f" with came as (select _origin, {wanted}, row_number() over (partition by {key}"
        f"   order by updated_at desc nulls last, _origin desc, {judged}"
        f"   {value} desc nulls last, {reference} desc nulls last) as place from {versions}),"
        f" kept as (select {wanted} from {kept}),"
        " known as (select came, kept, kept.key is null or (came.key is not null and case _origin"
        "   when 'source' then not coalesce(came.updated_at < kept.updated_at, false)"
        "   else coalesce(came.updated_at > kept.updated_at, false) end) as is_newer"
        "  from (from came where place = 1) as came full join kept on came.key = kept.key),"
        " telling as (select case when is_newer then came.reference else kept.reference end as key,"
        "  case when is_newer then came.value else kept.value end as value from known)"
        " select key, case when count(distinct value) = 1 then any_value(value) end as value"
        " from telling where key is not null and value is not null group by key"
    )


def _versions(
    rules: Rules, teller: Table, read: Mapping[str, tuple[SourceTable, Origin]], is_all: bool
) -> str:
    """SQL of all the rows that come now or are held, typed and judged by themselves."""
    origins = [] if is_all else [quarantine.origin(rules.business, teller, "_ours is not null")]
    if teller.name in read:
        origins.append(replace(read[teller.name][1], number="0"))
    alone = replace(rules, alone=True)
    return " union all ".join(staging.select(teller, each, alone) for each in origins)


def told_anew(rules: Rules, table: Table) -> list[str]:
    """SQL conditions on held rows: what other rows tell of them is not what they were held with."""
    conditions = []
    held = quarantine.origin(rules.business, table, "_ours is not null")
    typed = staging.typed(table, held, rules.key_types)
    now = staging.deriving(table, held, rules)
    for (name, column), lookup in rules.derived.items():
        if name == table.name:
            among = f"rowid in (select source._n from {held.relation} as source where"
            conditions.append(f"{among} {typed[column]} is distinct from {now.expressions[column]})")
            disputed = f"{typed[table.key]} in (select key from {lookup} where value is null)"
            conditions.append(
                f"_rule in {staging.OWNER_RULES}"
                f" and (_rule = '{staging.OWNER_RULES[0]}') <> ({among} {disputed}))"
            )
    return conditions
