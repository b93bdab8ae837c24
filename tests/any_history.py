"""Any history of a business: its models by month after random increments, beside a full refresh of the same raw."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from loaded_homes import Home, execute
from setia import as_of as instants
from setia import batches, rebuild
from setia.rebuild import Rebuilt
from setia.schema import Business
from setia.settings import Settings
from setia.settings import load as load_settings
from setia.warehouses import connect, literal

SCHEDULES = 200 if os.environ.get("SETIA_NIGHTLY") else 20
STEPS = 2

Writes = Callable[[random.Random, int], list[str]]


@dataclass
class Models:
    """The models of a business, built in this process on a warehouse: dbt reads its project only twice.

    `layers` are those whose tables are compared; a build that is killed has built `begun` only.
    """

    business: Business
    layers: tuple[str, ...]
    begun: tuple[str, ...]
    folder: Path
    manifests: dict[bool, Manifest] = field(default_factory=dict)

    def build(
        self,
        settings: Settings,
        as_of: datetime,
        rebuilt: Rebuilt | None,
        *options: str,
        since: dict[str, Any] | None = None,
    ) -> bool:
        """Runs the models, the whole or these months and days; whether all went well."""
        os.environ["SETIA_DBT_DUCKDB"] = str(settings.warehouse_file(self.business.name))
        variables = {"as_of": instants.text(as_of), "timezone": settings.timezone}
        variables |= {"currency": settings.currency}
        if rebuilt:
            variables |= rebuilt.variables()
        variables |= {"builds_since": since} if since else {}
        if (rebuilt is None) not in self.manifests:
            self.manifests[rebuilt is None] = self.invoke(None, variables, "parse")
        return self.invoke(self.manifests[rebuilt is None], variables, "run", *options) is not None

    def invoke(self, manifest: Manifest | None, variables: dict[str, Any], *verb: str) -> Any:
        project = str(self.business.dbt_project)
        arguments = [*verb, "--quiet", "--no-write-json", "--target", "duckdb"]
        arguments += ["--vars", json.dumps(variables)]
        arguments += ["--project-dir", project, "--profiles-dir", project, "--log-level-file", "none"]
        arguments += ["--target-path", str(self.folder), "--log-path", str(self.folder)]
        done = dbtRunner(manifest=manifest).invoke(arguments)
        DuckDBConnectionManager.close_all_connections()  # it would keep the warehouse open
        return done.result if done.success else None

    def transform(self, settings: Settings, as_of: datetime, ends: bool = True) -> Rebuilt | None:
        """What `pipeline.transform` does; one that does not end well has built its beginning only."""
        with connect(settings, self.business.name) as connection:
            newest = batches.newest(connection, self.business)
            assert newest
            rebuilt = rebuild.begin(connection, self.business, settings, as_of, newest["batch_id"])
            since = rebuild.since(connection, self.business) if rebuilt else None
        options = [] if rebuilt else ["--full-refresh"]
        options += [] if ends else ["--select", *self.begun]
        assert self.build(settings, as_of, rebuilt, *options, since=since)
        if ends:
            with connect(settings, self.business.name) as connection:
                rebuild.finish(connection, self.business)
        return rebuilt

    def assert_as_a_full_refresh(self, settings: Settings, as_of: datetime, folder: Path, told: str) -> None:
        """Builds everything in a copy of the warehouse, and compares every table row for row."""
        name = self.business.name
        copied = load_settings(folder / "whole")
        shutil.rmtree(copied.home, ignore_errors=True)
        copied.warehouse_file(name).parent.mkdir(parents=True)
        shutil.copy(settings.warehouse_file(name), copied.warehouse_file(name))
        assert self.build(copied, as_of, None, "--full-refresh")
        with duckdb.connect() as connection:
            for side, home in (("ours", settings), ("theirs", copied)):
                file = literal(str(home.warehouse_file(name)))
                connection.execute(f"attach {file} as {side} (read_only)")
            tables = self._tables(connection)
            assert len(tables) > len(self.business.tables)
            for table in tables:
                for one, other in (("ours", "theirs"), ("theirs", "ours")):
                    query = f"from {one}.{table} except all from {other}.{table} limit 3"
                    assert connection.execute(query).fetchall() == [], f"{table}: rows of {one} only, {told}"

    def _tables(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        schemas = ", ".join(literal(f"{self.business.name}_{layer}") for layer in self.layers)
        found = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            f" where database_name = 'theirs' and schema_name in ({schemas}) order by 1"
        ).fetchall()
        return [table for (table,) in found]


@contextmanager
def models_of(
    business: Business, layers: tuple[str, ...], begun: tuple[str, ...], folder: Path
) -> Iterator[Models]:
    """The models, with the environment as it was on leaving."""
    before = dict(os.environ)
    yield Models(business, layers, begun, folder)
    os.environ.clear()
    os.environ.update(before)


def follow(dsn: str, home: Home, models: Models, dice: random.Random, as_of: datetime, writes: Writes) -> int:
    """Loads and transforms what was written, and then random increments of it, comparing each with a full refresh.

    Returns how many of the increments were built by month.
    """
    settings = load_settings(home.path)
    home.load()
    assert models.transform(settings, as_of) is None
    partly = 0
    for step in range(STEPS):
        for _ in range(dice.choice((1, 1, 2))):
            execute(dsn, *writes(dice, dice.choice((0, 1, 2, 5))))
            home.load(full=dice.random() < 0.2)
        as_of += timedelta(hours=dice.choice((0, 5, 24, 24 * 20, -24 * 9)))
        if dice.random() < 0.3:  # a build that was killed, as of another instant
            other = as_of + timedelta(hours=dice.choice((0, 24 * 40, -24 * 30)))
            models.transform(settings, other, ends=False)
        rebuilt = models.transform(settings, as_of)
        partly += rebuilt is not None
        told = f"step {step}, {rebuilt}"
        models.assert_as_a_full_refresh(settings, as_of, home.path.parent, told)
    return partly
