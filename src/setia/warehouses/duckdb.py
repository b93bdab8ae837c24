"""DuckDB: one file per business, opened by one process at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from setia.errors import WarehouseError
from setia.settings import Settings

# A killed run's dbt process is ended by the kernel, a moment later; longer than this is another run.
LOCK_PATIENCE_SECONDS = 20.0


@contextmanager
def connect(settings: Settings, business: str, read_only: bool = False) -> Iterator[DuckDBPyConnection]:
    """An open warehouse file, closed on leaving; instants are UTC, memory is bounded.

    Statements that every load makes carry their values as literals: at the first parameter DuckDB imports
    NumPy, pyarrow and pandas, which takes as long as a small load.

    Raises WarehouseError when the file is missing (read only), damaged, or held by another process.
    """
    path = settings.warehouse_file(business)
    if read_only and not path.exists():
        raise WarehouseError(
            f"There is no warehouse for {business} in {settings.home}.",
            "A first load makes it.",
            f"setia run {business}",
        )
    _make(path)
    connection = _open(str(path), read_only)
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        yield connection
    finally:
        connection.close()


def quote(identifier: str) -> str:
    """An SQL identifier in double quotes, safe for any name."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal, safe for any text."""
    return "'" + text.replace("'", "''") + "'"


def _make(path: Path) -> None:
    """Makes an empty warehouse file in one step: one killed while being made is no DuckDB file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        duckdb.connect(str(partial)).close()
        partial.replace(path)


def _open(path: str, read_only: bool) -> DuckDBPyConnection:
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while True:
        try:
            # The one extension comes in a wheel that is pinned by its hash; checking its signature too, at
            # every load, takes as long as reading a hundred thousand rows.
            return duckdb.connect(path, read_only, {"allow_unsigned_extensions": "true"})
        except duckdb.IOException as error:
            if "lock" in str(error).lower() and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise _unusable(path, str(error)) from None


def _unusable(path: str, message: str) -> WarehouseError:
    if "lock" in message.lower():
        return WarehouseError(
            f"{path} is held by another process: {message.splitlines()[0]}",
            "One process at a time may open a DuckDB file; read the published snapshot instead.",
            "Close the other program, or look at published/ in the home.",
        )
    return WarehouseError(
        f"{path} can't be opened: {message.splitlines()[0]}",
        "It must be a DuckDB file of this version, on a disk with space.",
        "Free some space, or move the file away and load again.",
    )
