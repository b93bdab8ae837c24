"""What a source hands to load: for each table a relation as it came, and where to find our columns in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from setia.errors import SourceError
from setia.schema import Table


@dataclass(frozen=True)
class SourceTable:
    """One table of a source.

    `relation` is SQL of its rows as they came, their columns renamed to c1, c2... so that no name of theirs
    can mean something here; `columns` are their names in that order. `expressions` maps each of our columns
    to SQL over the rows (the alias is `source`); `rejects` is SQL of the lines that were no rows at all, as text.
    `complete`: its rows are all there are, so a key that is missing was deleted.
    `current`: each row is what the source holds now, whatever its `updated_at` says; files may hold old
    versions, a database does not.
    """

    table: Table
    relation: str
    columns: tuple[str, ...]
    expressions: Mapping[str, str]
    complete: bool = False
    current: bool = False
    rejects: str | None = None


@dataclass(frozen=True)
class Source:
    """An opened source, all tables at one instant.

    `covered_until`: the instant up to which the source says that it is complete, when it says so.
    `mark`: what the next read needs to know to read only what changed.
    """

    name: str
    tables: tuple[SourceTable, ...]
    zone: str
    covered_until: datetime | None = None
    mark: dict[str, Any] = field(default_factory=dict)


def match_columns(
    table: Table,
    found: list[str],
    where: str,
    renamed: Mapping[str, str] | None = None,
    constants: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Our columns -> SQL over the source's; NULL for an optional one that it lacks.

    Raises SourceError naming the missing column, what was found, and what to write in the mapping.
    """
    places = {name: place for place, name in reversed(list(enumerate(found, 1)))}
    by_name = {name.lower(): place for name, place in places.items()} | places
    expressions = {}
    for column in table.columns:
        wanted = (renamed or {}).get(column.name)
        candidates = (wanted,) if wanted else (column.name, *column.aliases)
        spellings = [spelling for name in candidates for spelling in (name, name.lower())]
        match = next((by_name[name] for name in spellings if name in by_name), None)
        if constants and column.name in constants:
            expressions[column.name] = constant(constants[column.name])
        elif match is not None:
            expressions[column.name] = f"source.c{match}"
        elif column.optional and not wanted:
            expressions[column.name] = "cast(null as varchar)"
        else:
            raise SourceError(
                f"{where} has no column {candidates[0]!r}, which {table.name} needs.",
                f"Found: {', '.join(found) or 'no columns'}.",
                f'Name it in the mapping:  [tables.{table.name}.columns]\n{column.name} = "THEIR COLUMN"',
            )
    return expressions


def constant(value: Any) -> str:
    """SQL of a constant, as text that is parsed like any other value."""
    return "cast(" + "'" + str(value).replace("'", "''") + "' as varchar)"


def positional(query: str, count: int) -> str:
    """The query with its columns renamed to c1, c2..., whatever they were called."""
    return f"select * from ({query}) as source({', '.join(f'c{place}' for place in range(1, count + 1))})"
