"""What a source hands to load: for each table a relation as it came, and where to find our columns in it."""

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from setia.errors import SourceError
from setia.schema import Column, Table
from setia.warehouses import literal

ABSENT = "cast(null as varchar)"
READABLE = "A CSV file must be UTF-8 with a header line and one kind of line end; a Parquet file whole."


@dataclass(frozen=True)
class SourceTable:
    """One table of a source.

    `relation` is SQL of all its rows as they came, their columns renamed to c1, c2... so that no name of
    theirs can mean something here; `columns` are their names in that order, with their types. `expressions`
    maps each of our columns to SQL over the rows (the alias is `source`); `rejects` is SQL of the lines that
    were no rows at all, as text.
    `complete`: its rows are all there are, so a key that is missing was deleted.
    `current`: each row is what the source holds now, whatever its `updated_at` says; files may hold old
    versions, a database does not.
    `unique`: the source itself sees to it that no two rows have one key, and that each has one, as it
    writes them; `alike` is SQL that has a row when two of its keys may be one to us.
    `told`: what the mapping says of the table.
    """

    table: Table
    relation: str
    columns: Mapping[str, str]
    expressions: Mapping[str, str]
    complete: bool = False
    current: bool = False
    unique: bool = False
    alike: str | None = None
    rejects: str | None = None
    changes: "Changes | None" = None
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lacking(self) -> tuple[Column, ...]:
        """Our columns that nothing in the source or the mapping gives a value."""
        return tuple(column for column in self.table.columns if self.expressions[column.name] == ABSENT)


@dataclass(frozen=True)
class Changes:
    """What is new in a table since the last read.

    `relation` is SQL of the rows that were written since. Of deletions the source tells either by
    `deleted`, SQL of the keys as text, or by `count`, SQL of how many rows there are in all.
    `is_new`: none of the rows can have been read before as it stands.
    """

    relation: str
    deleted: str | None = None
    count: str | None = None
    is_new: bool = False


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
    table: Table, found: list[str], where: str, told: Mapping[str, Any], may_lack: Container[str] = ()
) -> dict[str, str]:
    """Our columns -> SQL over the source's; NULL for one that it lacks, if it is optional or in `may_lack`.

    `told` is the mapping's section of the table: `columns`, `constants` and `values`.
    Raises SourceError naming the missing column, what was found, and what to write in the mapping.
    """
    places = {name: place for place, name in reversed(list(enumerate(found, 1)))}
    by_name = {name.lower(): place for name, place in places.items()} | places
    expressions = {}
    for column in table.columns:
        wanted = told.get("columns", {}).get(column.name)
        candidates = (wanted,) if wanted else (column.name, *column.aliases)
        spellings = [spelling for name in candidates for spelling in (name, name.lower())]
        match = next((by_name[name] for name in spellings if name in by_name), None)
        if column.name in told.get("constants", {}):
            expressions[column.name] = constant(told["constants"][column.name])
        elif match is not None:
            expressions[column.name] = f"source._c{match}"
        elif (column.optional or column.name in may_lack) and not wanted:
            expressions[column.name] = ABSENT
        else:
            raise SourceError(
                f"{where} has no column {candidates[0]!r}, which {table.name} needs.",
                f"Found: {', '.join(found) or 'no columns'}.",
                f'Name it in the mapping:  [tables.{table.name}.columns]\n{column.name} = "THEIR COLUMN"',
            )
    for name, values in told.get("values", {}).items():
        if expressions[name] != ABSENT:
            expressions[name] = _translate(expressions[name], values)
    return expressions


def constant(value: Any) -> str:
    """SQL of a constant, as text that is parsed like any other value."""
    return f"cast({literal(str(value))} as varchar)"


def positional(query: str, count: int) -> str:
    """The query with its columns renamed to c1, c2..., whatever they were called."""
    return f"select * from ({query}) as source({', '.join(f'_c{place}' for place in range(1, count + 1))})"


@contextmanager
def reading(source_table: SourceTable) -> Iterator[None]:
    """An error of DuckDB while rows are read is the source's, unless it is this machine's."""
    try:
        yield
    except duckdb.Error as error:
        name = source_table.table.name
        if isinstance(error, duckdb.OutOfMemoryException) or "No space left" in str(error):
            raise
        if "postgres_query" not in source_table.relation:
            raise unreadable(name, error) from error
        raise SourceError(
            f"{name} can't be read from PostgreSQL: {str(error).splitlines()[0]}",
            "It must be a table or view that this user may read.",
            "Correct it, or its rights, and repeat the command; nothing was loaded.",
        ) from error


def unreadable(path: Path | str, error: Exception) -> SourceError:
    """The error for a file that can't be read at all."""
    return SourceError(
        f"{path} can't be read: {str(error).splitlines()[0]}",
        READABLE,
        "Convert it, for instance:  iconv -f latin1 -t utf-8 OLD.csv | tr -d '\\r' > NEW.csv",
    )


def _translate(expression: str, values: Mapping[str, str]) -> str:
    if not values:
        return expression
    whens = " ".join(
        f"when lower(trim({literal(theirs)})) then {literal(str(ours))}" for theirs, ours in values.items()
    )
    return f"case lower(trim(cast({expression} as varchar))) {whens} else cast({expression} as varchar) end"
