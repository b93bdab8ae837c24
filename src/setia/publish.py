"""Tests passed -> published: a new folder of Parquet, then `current.json` replaced in one step."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from setia import ledger, transform
from setia.errors import PublishError, UsageError, WarehouseError
from setia.schema import Business
from setia.settings import Settings
from setia.warehouses import connect, literal, quote

KEPT_RUNS = 3


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot: where it is, what it speaks of, and the rows of each table."""

    run_id: str
    folder: Path
    as_of: str
    data_through: str | None
    tables: dict[str, int]


def publish(settings: Settings, business: Business, run_id: str, personal: tuple[str, ...] = ()) -> Snapshot:
    """Publishes what the last transform built, if all of its tests passed; raises PublishError otherwise.

    Readers see the old snapshot whole or the new one whole. Columns that hold personal data are left out
    unless named in `personal`. The same models give the same bytes.
    """
    built = last_good_build(settings, business)
    manifest = transform.manifest(settings, business)
    folder = settings.published(business.name)
    partial = folder / f".{run_id}.partial"
    _sweep(folder)
    try:
        partial.mkdir(parents=True)
        with connect(settings, business.name, read_only=True) as connection:
            tables = {
                node["name"]: _copy(connection, node, partial, personal)
                for node in [*_models(business, manifest), *_scores(settings, business, built)]
            }
        _check_asked(personal, manifest, business)
        _sync(partial)
        partial.rename(folder / run_id)
    except (OSError, duckdb.Error) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _unwritable(folder, error) from error
    data_through = built["counts"].get("data_through")
    snapshot = Snapshot(run_id, folder / run_id, str(built["as_of"]), data_through, tables)
    _point_to(folder, business, snapshot)
    _forget_old(folder, run_id)
    return snapshot


def current(settings: Settings, business: Business) -> Snapshot | None:
    """The snapshot that readers see now; None when nothing was published yet."""
    folder = settings.published(business.name)
    try:
        content = json.loads((folder / "current.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Snapshot(
        run_id=content["run_id"],
        folder=folder / content["run_id"],
        as_of=content["as_of"],
        data_through=content["data_through"],
        tables=content["tables"],
    )


@contextmanager
def read(snapshot: Snapshot) -> Iterator[DuckDBPyConnection]:
    """A connection in memory with one view per published table; no file is locked."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table in snapshot.tables:
            path = literal(str(snapshot.folder / f"{table}.parquet"))
            connection.execute(f"create view {quote(table)} as select * from read_parquet({path})")
        yield connection


def export(snapshot: Snapshot, out: Path, format: str, tables: list[str]) -> dict[str, int]:
    """Copies published tables to `out` as Parquet or CSV; returns the rows of each."""
    unknown = sorted(set(tables) - set(snapshot.tables))
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is not a published table.",
            f"Published: {', '.join(snapshot.tables)}.",
            "setia export BUSINESS --table NAME --out DIR",
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        with read(snapshot) as connection:
            for table in tables or snapshot.tables:
                path = literal(str(out / f"{table}.{format}"))
                connection.execute(f"copy {quote(table)} to {path} (format {format})")
    except (OSError, duckdb.Error) as error:
        raise _unwritable(out, error) from error
    return {table: snapshot.tables[table] for table in tables or snapshot.tables}


def nothing_published(settings: Settings, business: Business) -> PublishError:
    """The error for a reader who comes before the first snapshot."""
    return PublishError(
        f"Nothing of {business.name} is published in {settings.home}.",
        "The first complete run whose tests pass publishes it.",
        f"setia run {business.name}",
    )


def last_good_build(settings: Settings, business: Business) -> dict[str, Any]:
    """The ledger's row of the last transform; PublishError when it was not complete, or a test failed."""
    last = ledger.last(settings, business.name, "transform")
    if last is None or last["status"] != "done" or not last["counts"].get("complete"):
        became = "never ran" if last is None else f"{last['status']} ({last['error'] or 'only some models'})"
        raise PublishError(
            f"{business.name}'s last transform {became}.",
            "Only a complete build whose tests all passed is published; the last good snapshot stays.",
            f"setia transform {business.name}",
        )
    return last


def _models(business: Business, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    published = [
        node
        for node in nodes
        for layer, prefix in business.published
        if node["schema"] == f"{business.name}_{layer}" and node["name"].startswith(prefix)
    ]
    return sorted(published, key=lambda node: str(node["name"]))


def _scores(settings: Settings, business: Business, built: dict[str, Any]) -> list[dict[str, Any]]:
    """The tables of scores, if they are of this build; those of an earlier one speak of other people."""
    last = ledger.last(settings, business.name, "predict")
    if last is None or last["status"] != "done" or last["counts"]["scored"] != built["run_id"]:
        return []
    return [
        {"schema": f"{business.name}_ml", "name": predicted.name, "columns": {}}
        for predicted in business.predicted
    ]


def _is_personal(node: dict[str, Any], column: str) -> bool:
    described = node["columns"].get(column, {})
    meta = described.get("meta", {}) | described.get("config", {}).get("meta", {})
    return bool(meta.get("personal"))


def _copy(
    connection: DuckDBPyConnection, node: dict[str, Any], folder: Path, personal: tuple[str, ...]
) -> int:
    relation = f"{quote(node['schema'])}.{quote(node['name'])}"
    names = [row[0] for row in connection.execute(f"describe {relation}").fetchall()]
    # A leading underscore marks what the models keep for themselves, such as the batch of a row.
    told = [name for name in names if not name.startswith("_")]
    kept = [name for name in told if name in personal or not _is_personal(node, name)]
    path = literal(str(folder / f"{node['name']}.parquet"))
    # Sorted by everything, so that the bytes do not depend on how the build went.
    row = connection.execute(
        f"copy (select {', '.join(quote(name) for name in kept)} from {relation} order by all)"
        f" to {path} (format parquet, compression zstd)"
    ).fetchone()
    return int(row[0]) if row else 0


def _check_asked(personal: tuple[str, ...], manifest: dict[str, Any], business: Business) -> None:
    known = {
        name for node in _models(business, manifest) for name in node["columns"] if _is_personal(node, name)
    }
    unknown = sorted(set(personal) - known)
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is not a personal column of {business.name}'s published tables.",
            f"Personal columns: {', '.join(sorted(known)) or 'none'}.",
            f"setia publish {business.name} --personal COLUMN",
        )


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _point_to(folder: Path, business: Business, snapshot: Snapshot) -> None:
    content = {
        "business": business.name,
        "run_id": snapshot.run_id,
        "as_of": snapshot.as_of,
        "data_through": snapshot.data_through,
        "published_at": datetime.now(UTC).isoformat(),
        "tables": snapshot.tables,
    }
    partial = folder / ".current.partial"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / "current.json")


def _sweep(folder: Path) -> None:
    """Removes what a killed run left behind; the caller holds the business, so nobody is writing."""
    for path in folder.glob(".*.partial"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _forget_old(folder: Path, run_id: str) -> None:
    snapshots = sorted(path for path in folder.iterdir() if path.is_dir() and path.name != run_id)
    for path in snapshots[: max(0, len(snapshots) - (KEPT_RUNS - 1))]:
        # An old snapshot that can't go (root made it, say) is no reason to call the new one failed.
        shutil.rmtree(path, ignore_errors=True)


def _unwritable(folder: Path, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"{folder} can't be written: {str(error).splitlines()[0]}",
        "The last good snapshot stays as it is.",
        "Free some space or give this user the right to write there, then repeat the command.",
    )
