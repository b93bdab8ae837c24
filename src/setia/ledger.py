"""The run ledger: one row per execution of a step, in `ledger.sqlite` of the home."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from setia.errors import SetiaError
from setia.home import prepare
from setia.settings import Settings

TABLE = """
create table if not exists runs (
    run_id text primary key,
    business text not null,
    step text not null,
    pid integer not null,
    started_at text not null,
    finished_at text,
    seconds real,
    status text not null,
    as_of text,
    counts text not null default '{}',
    error text
)
"""


@dataclass
class Run:
    """An open row of the ledger; what the step writes into `as_of` and `counts` is kept."""

    run_id: str
    business: str
    step: str
    as_of: str | None = None
    counts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def record(settings: Settings, business: str, step: str) -> Iterator[Run]:
    """Records one execution: `running`, then `done`, or `failed` with the first line of its error.

    Call it while the business is held: a row still `running` then belongs to a killed run.
    """
    started = datetime.now(UTC)
    with closing(_connect(settings)) as connection:
        with connection:
            connection.execute(
                "update runs set status = 'killed' where business = ? and step = ? and status = 'running'",
                (business, step),
            )
            number = connection.execute("select count(*) from runs").fetchone()[0] + 1
            run = Run(f"{started:%Y%m%dT%H%M%S}-{number:06d}", business, step)
            connection.execute(
                "insert into runs (run_id, business, step, pid, started_at, status)"
                " values (?, ?, ?, ?, ?, 'running')",
                (run.run_id, business, step, os.getpid(), started.isoformat()),
            )
        status, error = "failed", None
        try:
            yield run
            status = "done"
        except SetiaError as problem:
            error = problem.wrong.splitlines()[0]
            raise
        except BaseException as problem:
            error = f"{type(problem).__name__}: {problem}".splitlines()[0]
            raise
        finally:
            _finish(connection, run, started, status, error)


def runs(settings: Settings, business: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The last runs, newest first, as plain dictionaries; empty when nothing has run yet."""
    if not (settings.home / "ledger.sqlite").exists():
        return []
    with closing(_connect(settings)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "select * from runs where business = coalesce(?, business) order by started_at desc, run_id desc"
            " limit ?",
            (business, limit),
        ).fetchall()
    return [dict(row) | {"counts": json.loads(row["counts"])} for row in rows]


def last(settings: Settings, business: str, step: str) -> dict[str, Any] | None:
    """The newest run of a step, whatever became of it; None when it never ran."""
    return next((run for run in runs(settings, business, limit=1000) if run["step"] == step), None)


def _connect(settings: Settings) -> sqlite3.Connection:
    connection = sqlite3.connect(prepare(settings) / "ledger.sqlite", timeout=30)
    connection.execute(TABLE)
    return connection


def _finish(
    connection: sqlite3.Connection, run: Run, started: datetime, status: str, error: str | None
) -> None:
    finished = datetime.now(UTC)
    with connection:
        connection.execute(
            "update runs set finished_at = ?, seconds = ?, status = ?, as_of = ?, counts = ?, error = ?"
            " where run_id = ?",
            (
                finished.isoformat(),
                round((finished - started).total_seconds(), 3),
                status,
                run.as_of,
                json.dumps(run.counts),
                error,
                run.run_id,
            ),
        )
