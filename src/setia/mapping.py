"""The mapping: a TOML file that says what a user's own tables, columns and values are called."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from setia.errors import UsageError
from setia.schema import Business, Table

MEANT = {
    "columns": "the name of a column of theirs, in quotes",
    "constants": "one text, number or date",
    "values": 'a table such as {DONE = "completed"}',
}
TABLE_KEYS = {"file", "table", "columns", "constants", "values"}


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
    for key in ("file", "table"):
        if not _is_name(told.get(key, "some")):
            raise _meaningless(path, f"tables.{table.name}.{key}", ["a name in quotes"])
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
