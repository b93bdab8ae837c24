"""A folder of CSV or Parquet files as a source, with a mapping for a user's own names."""

import csv
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import duckdb
from duckdb import DuckDBPyConnection

from setia.errors import SourceError, UsageError
from setia.schema import Business, Table
from setia.sources import Source, SourceTable, match_columns, positional
from setia.warehouses import literal

SUFFIXES = (".parquet", ".csv")
READABLE = "A CSV file must be UTF-8 with a header line and one kind of line end; a Parquet file whole."
MEANT = {
    "columns": "the name of a column of theirs, in quotes",
    "constants": "one text, number or date",
    "values": 'a table such as {DONE = "completed"}',
}
TABLE_KEYS = {"file", "columns", "constants", "values"}


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
    tables = []
    for table in business.tables:
        told = mapping.get("tables", {}).get(table.name, {})
        path = _find(folder, table, told.get("file"))
        if path is not None:
            tables.append(replace(_table(connection, table, path, told), complete=complete, current=complete))
    return Source(
        name=str(folder),
        tables=tuple(tables),
        zone=mapping.get("timezone", zone),
        covered_until=_covered_until(folder / "source.json"),
    )


def read_mapping(path: Path, business: Business) -> dict[str, Any]:
    """The mapping file's content; raises UsageError naming the first thing in it that has no meaning."""
    try:
        mapping = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"There is no mapping file {path}.", "It is a TOML file.", "See docs/files.md for an example."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}.",
            '[tables.orders.columns]\norder_id = "theirs"',
            f"Correct {path}.",
        ) from None
    known = {table.name: table for table in business.tables}
    for name in mapping.keys() - {"tables", "timezone"}:
        raise _meaningless(path, name, ["timezone", "tables"])
    if mapping.get("timezone", "UTC") not in available_timezones():
        raise _meaningless(path, mapping["timezone"], ["a zone such as Asia/Jakarta"])
    if not isinstance(mapping.get("tables", {}), dict):
        raise _meaningless(path, "tables", ["[tables.NAME]"])
    for name, told in mapping.get("tables", {}).items():
        if name not in known or not isinstance(told, dict):
            raise _meaningless(path, f"tables.{name}", [f"[tables.{one}]" for one in known])
        _check_table(path, known[name], told)
    return mapping


def _check_table(path: Path, table: Table, told: Mapping[str, Any]) -> None:
    columns = [column.name for column in table.columns]
    for key in told.keys() - TABLE_KEYS:
        raise _meaningless(path, f"tables.{table.name}.{key}", sorted(TABLE_KEYS))
    if not _is_name(told.get("file", "some")):
        raise _meaningless(path, f"tables.{table.name}.file", ["the name of a file"])
    for key in ("columns", "constants", "values"):
        section = told.get(key, {})
        if not isinstance(section, dict):
            raise _meaningless(path, f"tables.{table.name}.{key}", [f"[tables.{table.name}.{key}]"])
        for name, value in section.items():
            if name not in columns:
                raise _meaningless(path, f"tables.{table.name}.{key}.{name}", columns)
            if not _is_meant(key, value):
                where = f"tables.{table.name}.{key}.{name}"
                raise _meaningless(path, f"{where} = {value!r}", [MEANT[key]])


def _is_meant(key: str, value: Any) -> bool:
    if key == "constants":
        return isinstance(value, str | int | float | date) and "\0" not in str(value)
    if key == "values":
        return isinstance(value, dict) and all(map(_is_name, [*value, *value.values()]))
    return _is_name(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _meaningless(path: Path, name: str, known: list[str]) -> UsageError:
    return UsageError(
        f"{path} holds {name!r}, which has no meaning.",
        f"Known there: {', '.join(known)}.",
        f"Correct {path}.",
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


def _table(connection: DuckDBPyConnection, table: Table, path: Path, told: Mapping[str, Any]) -> SourceTable:
    if path.suffix == ".csv":
        relation, found = _csv(path, table)
        # A line with two surplus columns is rejected twice.
        rejects: str | None = (
            f"select any_value(csv_line) as csv_line from rejects_{table.name} group by line"
        )
    else:
        relation, rejects = f"read_parquet({_one_file(path)})", None
        try:
            found = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
        except duckdb.Error as error:
            raise unreadable(path, error) from None
    expressions = match_columns(table, found, path.name, told.get("columns"), told.get("constants"))
    for name, values in told.get("values", {}).items():
        expressions[name] = _translate(expressions[name], values)
    query = positional(f"select * from {relation}", len(found))
    return SourceTable(table, query, tuple(found), expressions, rejects=rejects)


def unreadable(path: Path | str, error: Exception) -> SourceError:
    """The error for a file that can't be read at all."""
    return SourceError(
        f"{path} can't be read: {str(error).splitlines()[0]}",
        READABLE,
        "Convert it, for instance:  iconv -f latin1 -t utf-8 OLD.csv | tr -d '\\r' > NEW.csv",
    )


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
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(1, len(names) + 1))
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, delim = {literal(delimiter)},"
        " quote = '\"', escape = '\"', max_line_size = 16777216, store_rejects = true, rejects_limit = 0,"
        f" rejects_table = 'rejects_{table.name}', rejects_scan = 'scans_{table.name}'"
    )
    return f"read_csv({_one_file(path)}, {options})", names


def _one_file(path: Path) -> str:
    """SQL of this very path: DuckDB would take brackets and stars in it for a pattern of many files."""
    return literal(re.sub(r"([\[*?])", r"[\1]", str(path)))


def _translate(expression: str, values: Mapping[str, str]) -> str:
    if not values:
        return expression
    whens = " ".join(
        f"when {literal(theirs.strip().lower())} then {literal(str(ours))}" for theirs, ours in values.items()
    )
    return f"case lower(trim(cast({expression} as varchar))) {whens} else cast({expression} as varchar) end"


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
