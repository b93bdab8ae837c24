"""What changed in a source's columns since the last load, and what becomes of each change."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from setia.raw import Layout
from setia.schema import Business, Column
from setia.sources import ABSENT, Source, SourceTable


def columns(source: Source) -> dict[str, dict[str, str]]:
    """Each table's columns with their types, as the next load compares them."""
    return {each.table.name: dict(each.columns) for each in source.tables}


def drift(source: Source, mark: Mapping[str, Any], carry: bool) -> tuple[dict[str, str], ...]:
    """The changes since the load that left the mark: table, column, change, and what becomes of it.

    At the first load only the columns that we do not know.
    """
    before = mark.get("columns", {})
    return tuple(
        found
        for source_table in source.tables
        for found in _drift(source_table, before.get(source_table.table.name), carry)
    )


def extend(business: Business, source: Source, there: Layout, carry: bool) -> tuple[Source, Business]:
    """Both with the columns that raw carries beyond our description, as texts; with `carry` new ones, too.

    A column that was carried once stays in raw; it is NULL in rows that come without it.
    """
    read = {each.table.name: each for each in source.tables}
    tables = []
    for table in business.tables:
        ours = {column.name for column in table.columns}
        names = [name for name in there[table.name] if name not in ours]
        if carry and table.name in read:
            for name in _unknown(read[table.name]):
                if _is_free(name, {taken.lower() for taken in (*ours, *names)}):
                    names.append(name)
        more = tuple(Column(name, "string", "Carried from the source.", optional=True) for name in names)
        tables.append(replace(table, columns=(*table.columns, *more)))
        if table.name in read:
            read[table.name] = _with(read[table.name], tables[-1], names)
            if there[table.name].keys() < {column.name for column in tables[-1].columns}:
                # Rows that were loaded before have no value of a column that raw takes in now.
                read[table.name] = replace(read[table.name], changes=None)
    extended = tuple(read[each.table.name] for each in source.tables)
    return replace(source, tables=extended), replace(business, tables=tuple(tables))


def _with(source_table: SourceTable, table: Any, names: list[str]) -> SourceTable:
    places = {name.lower(): place for place, name in reversed(list(enumerate(source_table.columns, 1)))}
    places |= {name: place for place, name in enumerate(source_table.columns, 1)}
    found = {}
    for name in names:
        place = places.get(name, places.get(name.lower()))
        found[name] = f"source._c{place}" if place else ABSENT
    return replace(source_table, table=table, expressions={**source_table.expressions, **found})


def _drift(source_table: SourceTable, before: dict[str, str] | None, carry: bool) -> list[dict[str, str]]:
    name, now = source_table.table.name, source_table.columns
    unknown = _unknown(source_table)
    taken = {column.name.lower() for column in source_table.table.columns}
    found = []
    for column, kind in now.items():
        if column not in (before or {}) and column in unknown:
            found.append(_told(name, column, "new", _of_unknown(column, taken, carry)))
            taken.add(column.lower())
        elif before is not None and column not in before:
            found.append(_told(name, column, "new", "it is read from now on"))
        elif before is not None and before[column] != kind:
            change = f"retyped from {before[column]} to {kind}"
            found.append(
                _told(name, column, change, "every value is read anew; what can't be is quarantined")
            )
    for column in (before or {}).keys() - now.keys():
        found.append(_told(name, column, "dropped", "NULL in rows that come from now on"))
    return found


def _of_unknown(column: str, taken: set[str], carry: bool) -> str:
    if not _is_free(column, taken):
        return "left out: raw has another column of this name"
    return "carried into raw as text" if carry else "left out of raw; SETIA_NEW_COLUMNS=carry takes it in"


def _is_free(column: str, taken: set[str]) -> bool:
    return column.lower() not in taken and not column.startswith("_") and column.strip() != ""


def _unknown(source_table: SourceTable) -> list[str]:
    """The source's columns that none of ours is read from."""
    text = " ".join(source_table.expressions.values())
    read = {int(place) for place in re.findall(r"source\._c([0-9]+)", text)}
    return [name for place, name in enumerate(source_table.columns, 1) if place not in read]


def _told(table: str, column: str, change: str, outcome: str) -> dict[str, str]:
    return {"table": table, "column": column, "change": change, "outcome": outcome}
