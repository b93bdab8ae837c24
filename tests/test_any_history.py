"""An incremental run gives exactly what a full rebuild gives: models by month after random histories of changes."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from loaded_homes import Home, execute, make
from movie_writes import FIRST, SPAN, everybody, writes
from setia import as_of as instants
from setia import batches, rebuild
from setia.businesses import BUSINESSES
from setia.settings import Settings
from setia.settings import load as load_settings
from setia.warehouses import connect, literal

MOVIES = BUSINESSES["movie_streaming"]
SCHEDULES = 200 if os.environ.get("SETIA_NIGHTLY") else 20
STEPS = 2
BUILT = ("preparation", "model", "mart")


# ---- dbt, its project parsed once for each way of building ------------------------------------


class Models:
    """The models of movie_streaming, built in this process on a warehouse: dbt reads its project only twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifests: dict[bool, Manifest] = {}

    def build(
        self, settings: Settings, as_of: datetime, months: list[str] | None, select: tuple[str, ...] = ()
    ) -> bool:
        """Runs the models, the whole or these months; whether all went well."""
        os.environ["SETIA_DBT_DUCKDB"] = str(settings.warehouse_file(MOVIES.name))
        variables = {"as_of": instants.text(as_of), "timezone": settings.timezone}
        variables |= {"currency": settings.currency, "rebuilt_months": months}
        if (months is None) not in self.manifests:
            self.manifests[months is None] = self.invoke(None, variables, "parse")
        manifest = self.manifests[months is None]
        chosen = ["--select", *select] if select else []
        return self.invoke(manifest, variables, "run", *chosen) is not None

    def invoke(self, manifest: Manifest | None, variables: dict[str, Any], *verb: str) -> Any:
        project = str(MOVIES.dbt_project)
        arguments = [*verb, "--quiet", "--target", "duckdb", "--vars", json.dumps(variables)]
        arguments += ["--project-dir", project, "--profiles-dir", project, "--log-level-file", "none"]
        arguments += ["--target-path", str(self.folder), "--log-path", str(self.folder)]
        done = dbtRunner(manifest=manifest).invoke(arguments)
        DuckDBConnectionManager.close_all_connections()  # it would keep the warehouse open
        return done.result if done.success else None


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    before = dict(os.environ)
    yield Models(tmp_path_factory.mktemp("dbt"))
    os.environ.clear()
    os.environ.update(before)


def transform(settings: Settings, models: Models, as_of: datetime, ends: bool = True) -> list[str] | None:
    """What `pipeline.transform` does; one that does not end well has built the first layer only."""
    with connect(settings, MOVIES.name) as connection:
        newest = batches.newest(connection, MOVIES)
        assert newest
        months = rebuild.begin(connection, MOVIES, settings, as_of, newest["batch_id"])
    assert models.build(settings, as_of, months, () if ends else ("preparation", "fact_user_activity"))
    if ends:
        with connect(settings, MOVIES.name) as connection:
            rebuild.finish(connection, MOVIES)
    return months


def assert_as_a_full_refresh(
    settings: Settings, models: Models, as_of: datetime, folder: Path, told: str
) -> None:
    """Builds everything in a copy of the warehouse, and compares every table row for row."""
    copied = load_settings(folder / "whole")
    shutil.rmtree(copied.home, ignore_errors=True)
    copied.warehouse_file(MOVIES.name).parent.mkdir(parents=True)
    shutil.copy(settings.warehouse_file(MOVIES.name), copied.warehouse_file(MOVIES.name))
    assert models.build(copied, as_of, None)
    with duckdb.connect() as connection:
        for name, home in (("ours", settings), ("theirs", copied)):
            file = literal(str(home.warehouse_file(MOVIES.name)))
            connection.execute(f"attach {file} as {name} (read_only)")
        schemas = ", ".join(literal(f"{MOVIES.name}_{layer}") for layer in BUILT)
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            f" where database_name = 'theirs' and schema_name in ({schemas}) order by 1"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            for one, other in (("ours", "theirs"), ("theirs", "ours")):
                query = f"from {one}.{table} except all from {other}.{table} limit 3"
                assert connection.execute(query).fetchall() == [], f"{table}: rows of {one} only, {told}"


# ---- the promise ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_any_increments_of_any_history_leave_what_a_full_refresh_leaves(
    dsn, monkeypatch, tmp_path, models, seed
):
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    dice, home = random.Random(seed), Home(tmp_path / "home", MOVIES)
    settings = load_settings(home.path)
    make(dsn, bool(seed % 2), *everybody(), *writes(dice, 90), business=MOVIES)
    as_of = FIRST + timedelta(days=dice.randrange(SPAN // 2, SPAN))
    home.load()
    assert transform(settings, models, as_of) is None
    partly = 0
    for step in range(STEPS):
        for _ in range(dice.choice((1, 1, 2))):
            execute(dsn, *writes(dice, dice.choice((0, 1, 2, 5))))
            home.load(full=dice.random() < 0.2)
        as_of += timedelta(hours=dice.choice((0, 5, 24, 24 * 20, -24 * 9)))
        if dice.random() < 0.3:  # a build that was killed, as of another instant
            transform(
                settings, models, as_of + timedelta(hours=dice.choice((0, 24 * 40, -24 * 30))), ends=False
            )
        months = transform(settings, models, as_of)
        partly += months is not None
        assert_as_a_full_refresh(settings, models, as_of, tmp_path, f"step {step}, months {months}")
    assert partly
