"""A folder of CSV or Parquet files as a source."""

import csv
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from setia.errors import SourceError
from setia.schema import Business, Table
from setia.sources import Source, SourceTable, match_columns, positional, unreadable
from setia.warehouses import literal

SUFFIXES = (".parquet", ".csv")


def open_source(
    connection: DuckDBPyConnection,
    business: Business,
    folder: Path,
    mapping: Mapping[str, Any],
    zone: str,
    complete: bool = False,
) -> Source:
    """The folder's tables, ready to be read; `complete` when the folder is the whole truth.

    Raises SourceError for a missing file or column and for a file that can't be read at all.
    """
    if not folder.is_dir():
        raise SourceError(
            f"{folder} is not a folder.",
            f"It must hold {', '.join(table.raw for table in business.tables)} as .csv or .parquet.",
            f"setia load {business.name} --source DIR",
        )
    told = {table.name: mapping.get("tables", {}).get(table.name, {}) for table in business.tables}

    def path_of(name: str) -> Path | None:
        return _find(folder, business.table(name), told[name].get("file"))

    tables = []
    for table in business.tables:
        path = path_of(table.name)
        if path is not None:
            found = _table(connection, table, path, told[table.name], _may_lack(table, path_of))
            tables.append(replace(found, complete=complete, current=complete))
    return Source(
        name=str(folder),
        tables=tuple(tables),
        zone=mapping.get("timezone", zone),
        covered_until=_covered_until(folder / "source.json"),
    )


def _find(folder: Path, table: Table, file: str | None) -> Path | None:
    candidates = [folder / file] if file else [folder / f"{table.raw}{suffix}" for suffix in SUFFIXES]
    found = [path for path in candidates if path.is_file()]
    if len(found) > 1:
        raise SourceError(
            f"{folder} holds {table.raw} twice: {', '.join(path.name for path in found)}.",
            "One file a table.",
            f'Remove one, or name it in the mapping:  [tables.{table.name}]\nfile = "{found[0].name}"',
        )
    if not found and (file or not table.optional):
        there = sorted(path.name for path in folder.iterdir() if path.suffix in SUFFIXES)
        raise SourceError(
            f"{folder} has no file {' or '.join(path.name for path in candidates)}.",
            f"Found: {', '.join(there) or 'no .csv or .parquet file'}.",
            f'Add it, or name it in the mapping:  [tables.{table.name}]\nfile = "THEIR FILE"',
        )
    return found[0] if found else None


def _may_lack(table: Table, path_of: Callable[[str], Path | None]) -> set[str]:
    """The columns that a file may lack though they are not optional: those that another file there tells, too."""
    return {
        column.name
        for column in table.columns
        if column.held_without or (column.derived_from and path_of(column.derived_from.table))
    }


def _table(
    connection: DuckDBPyConnection, table: Table, path: Path, told: Mapping[str, Any], may_lack: set[str]
) -> SourceTable:
    if path.suffix == ".csv":
        relation, names = _csv(path, table)
        found = dict.fromkeys(names, "text")
        # A line with two surplus columns is rejected twice.
        rejects: str | None = (
            f"select any_value(csv_line) as csv_line from rejects_{table.name} group by line"
        )
    else:
        relation, rejects = f"read_parquet({_one_file(path)})", None
        try:
            described = connection.execute(f"describe select * from {relation}").fetchall()
        except duckdb.Error as error:
            raise unreadable(path, error) from None
        found = {row[0]: row[1] for row in described}
    expressions = match_columns(table, list(found), path.name, told, may_lack)
    query = positional(f"select * from {relation}", len(found))
    return SourceTable(table, query, found, expressions, rejects=rejects, told=told)


def _csv(path: Path, table: Table) -> tuple[str, list[str]]:
    """SQL that reads every column as text, and the header's names; lines that are no rows are set apart.

    The header is read here, since DuckDB's guesses change with the rows that follow.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = max(",;\t|", key=file.readline().count)
            file.seek(0)
            header = next(csv.reader(file, delimiter=delimiter), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise unreadable(path, error) from None
    names = [name.strip() for name in header]
    lower = [name.lower() for name in names]
    wrong = [name for name in names if not name or lower.count(name.lower()) > 1]
    if wrong or not names:
        raise SourceError(
            f"{path} has a header with {wrong[0]!r} twice or unnamed."
            if names
            else f"{path} is empty, or its first line is.",
            "The first line names every column, each once.",
            f"Correct the first line of {path}.",
        )
    columns = ", ".join(f"'_c{place}': 'VARCHAR'" for place in range(1, len(names) + 1))
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, delim = {literal(delimiter)},"
        " quote = '\"', escape = '\"', max_line_size = 16777216, store_rejects = true, rejects_limit = 0,"
        f" rejects_table = 'rejects_{table.name}', rejects_scan = 'scans_{table.name}'"
    )
    return f"read_csv({_one_file(path)}, {options})", names


def _one_file(path: Path) -> str:
    """SQL of this very path: DuckDB would take brackets and stars in it for a pattern of many files."""
    return literal(re.sub(r"([\[*?])", r"[\1]", str(path)))


def _covered_until(path: Path) -> datetime | None:
    if not path.is_file():
        return None
    try:
        return datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["covered_until"])
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} does not say how far the data reaches: {error!r}.",
            'It must hold {"covered_until": "2025-07-01T00:00:00+00:00"}.',
            f"Correct {path} or remove it.",
        ) from None
