"""Checks the machine: each check says what it found and, when that is not enough, what to fix."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from setia import home, postgres, postgres_source
from setia.errors import SetiaError
from setia.settings import Settings

NEEDED_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Check:
    """One finding; `fix` is empty when all is well."""

    name: str
    found: str
    fix: str = ""


def doctor(settings: Settings) -> list[Check]:
    """Every check, in the order in which they matter; none raises."""
    checks: tuple[Callable[[Settings], Check], ...] = (_python, _home, _space, _duckdb, _postgres, _dbt)
    return [check(settings) for check in checks]


def _python(_: Settings) -> Check:
    version = platform.python_version()
    right = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check(
        "Python",
        f"{version} on {platform.system()} {platform.machine()}",
        "" if right else "Use 3.11 to 3.13.",
    )


def _home(settings: Settings) -> Check:
    try:
        home.prepare(settings)
    except SetiaError as error:
        return Check("home", error.wrong, error.do)
    if not os.access(settings.home / "locks", os.W_OK):
        return Check("home", f"{settings.home} can't be written", "Use another one:  setia --home DIR ...")
    return Check("home", str(settings.home))


def _space(settings: Settings) -> Check:
    there = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:.1f} GB free"
    return Check("disk", found, "" if free > NEEDED_BYTES else "Free some space: a demo takes about 1 GB.")


def _duckdb(_: Settings) -> Check:
    with duckdb.connect() as connection:
        try:
            postgres_source.load_extension(connection)
        except duckdb.Error as error:
            return Check("DuckDB", str(error).splitlines()[0], "Install the pinned packages:  make setup")
    return Check("DuckDB", f"{duckdb.__version__} with its PostgreSQL extension")


def _postgres(settings: Settings) -> Check:
    try:
        with postgres.server(settings) as dsn, postgres.transaction(dsn) as cursor:
            cursor.execute("select current_setting('server_version')")
            version = cursor.fetchone()[0]
    except SetiaError as error:
        return Check("PostgreSQL", error.wrong, error.do)
    except OSError as error:
        return Check("PostgreSQL", str(error), "Use a home that can be written:  setia --home DIR ...")
    return Check("PostgreSQL", f"{version}, {'yours' if settings.postgres_url else 'embedded'}")


def _dbt(_: Settings) -> Check:
    from dbt.version import installed  # imported here: it takes a second

    packaged = Path(__file__).parent / "dbt_macros"
    fix = "" if packaged.is_dir() else "Install the package again: its dbt projects are missing."
    return Check("dbt", installed.to_version_string(skip_matcher=True), fix)
