"""The verbs: each holds its business, keeps the ledger, and does one step. The CLI and the DAGs call these."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from setia import as_of as instants
from setia import batches, files, home, ledger, postgres, simulation
from setia import ingest as history
from setia import load as loading
from setia import publish as publishing
from setia import transform as transforming
from setia.batches import Batch
from setia.errors import SourceError, TransformError
from setia.ledger import Run
from setia.publish import Snapshot
from setia.schema import Business
from setia.settings import Settings
from setia.simulation import Plan
from setia.transform import Build
from setia.warehouses import connect

Progress = Callable[[str, int, int], None]
"""Told of progress as (what, done, of)."""


@dataclass(frozen=True)
class Files:
    """A folder of files as the source, read as the whole truth when `full`."""

    folder: Path
    mapping: Path | None = None


def init(settings: Settings, business: Business, plan: Plan, progress: Progress) -> history.History:
    """Makes the OLTP tables with their first simulated history; nothing happens when it is there."""
    with _step(settings, business, "init") as run, postgres.server(settings) as dsn:
        made = history.init(dsn, business, plan, _named(progress, "init"))
        run.counts |= {"rows": made.rows, "until": made.until.isoformat()}
        return made


def ingest(
    settings: Settings,
    business: Business,
    hours: int | None,
    until: datetime | None,
    progress: Progress,
) -> history.History:
    """Advances the simulated business in PostgreSQL by `hours`, or to `until`."""
    with _step(settings, business, "ingest") as run, postgres.server(settings) as dsn:
        made = history.ingest(dsn, business, hours, until, _named(progress, "ingest"))
        run.counts |= {"rows": made.rows, "until": made.until.isoformat()}
        return made


def load(
    settings: Settings, business: Business, source: Files | None, full: bool, progress: Progress
) -> Batch:
    """Source -> raw: from a folder of files, or from PostgreSQL when there is none."""
    with _step(settings, business, "load") as run:
        if source:
            done = _load_files(settings, business, source, full, progress)
        else:
            done = _load_postgres(settings, business, full, progress)
        run.counts |= {"batch_id": done.batch_id, "source": done.source, "tables": done.counts()}
        run.counts["data_through"] = instants.text(done.data_through) if done.data_through else None
        return done


def transform(
    settings: Settings,
    business: Business,
    as_of: str | None,
    progress: Progress,
    full_refresh: bool = False,
    select: str | None = None,
) -> Build:
    """raw -> models and their tests, as of an instant (default: as far as the loaded data reaches)."""
    instant = instants.parse(as_of, settings.zone) if as_of else None
    with _step(settings, business, "transform") as run:
        with connect(settings, business.name, read_only=True) as connection:
            newest = batches.newest(connection, business)
            through = newest["data_through"] if newest else None
            instant = instant or through
            if instant is None:
                raise TransformError(
                    f"{business.name} has no loaded rows that carry a date.",
                    "A run speaks as of the newest instant that its data covers.",
                    f"Load some with `setia load {business.name}`, or name the instant: --as-of 2024-06-30",
                )
            run.as_of = instants.text(instant)
            run.counts["after_as_of"] = batches.after(connection, business, instant)
        run.counts["data_through"] = instants.text(through) if through else None
        build = transforming.transform(
            settings, business, instant, full_refresh, select, _named(progress, "transform")
        )
        run.counts |= {key: value for key, value in asdict(build).items() if key != "failed"}
        return build


def publish(
    settings: Settings, business: Business, progress: Progress, personal: tuple[str, ...] = ()
) -> Snapshot:
    """Models -> the published snapshot, if every test of the last transform passed."""
    with _step(settings, business, "publish") as run:
        progress("publish", 0, 1)
        snapshot = publishing.publish(settings, business, run.run_id, personal)
        progress("publish", 1, 1)
        run.as_of = snapshot.as_of
        run.counts |= {"tables": snapshot.tables, "data_through": snapshot.data_through}
        return snapshot


def run(
    settings: Settings,
    business: Business,
    source: Files | None,
    as_of: str | None,
    progress: Progress,
    full: bool = False,
) -> tuple[Batch, Build, Snapshot]:
    """load, transform, publish."""
    if as_of:
        instants.parse(as_of, settings.zone)  # a slip is told before anything is loaded
    batch = load(settings, business, source, full, progress)
    build = transform(settings, business, as_of, progress)
    return batch, build, publish(settings, business, progress)


def demo(settings: Settings, business: Business, plan: Plan, progress: Progress) -> Snapshot:
    """Everything on simulated data: a first history, a full load, one more day, an incremental load, marts.

    Every part is idempotent, so a killed demo run again ends with the same published tables.
    """
    init(settings, business, plan, progress)
    load(settings, business, None, False, progress)
    next_day = simulation.midnight(plan.end) + timedelta(days=1)
    ingest(settings, business, None, next_day, progress)
    return run(settings, business, None, None, progress)[2]


def headlines(settings: Settings, business: Business) -> list[dict[str, Any]]:
    """The headline figures of what is published now: label, value, unit; empty before the first publish."""
    snapshot = publishing.current(settings, business)
    if snapshot is None:
        return []
    figures = []
    with publishing.read(snapshot) as connection:
        for headline in business.headlines:
            row = connection.execute(headline.sql).fetchone()
            figures.append({"label": headline.label, "value": row[0] if row else None, "unit": headline.unit})
    return figures


def _load_files(
    settings: Settings, business: Business, source: Files, full: bool, progress: Progress
) -> Batch:
    mapping = files.read_mapping(source.mapping, business) if source.mapping else {}
    with connect(settings, business.name) as connection, loading.transaction(connection):
        _same_kind(settings, business, batches.newest(connection, business), full, of_files=True)
        zone = settings.timezone
        opened = files.open_source(connection, business, source.folder, mapping, zone, full)
        return loading.load(connection, business, opened, settings.timezone, _counted(progress, opened))


def _load_postgres(settings: Settings, business: Business, full: bool, progress: Progress) -> Batch:
    with (
        postgres.server(settings) as dsn,
        connect(settings, business.name) as connection,
        loading.transaction(connection),
    ):
        newest = batches.newest(connection, business)
        _same_kind(settings, business, newest, full, of_files=False)
        mark = newest["mark"] if newest and not full else None
        opened = postgres.open_source(connection, business, dsn, settings.timezone, mark)
        return loading.load(connection, business, opened, settings.timezone, _counted(progress, opened))


def _same_kind(
    settings: Settings, business: Business, newest: dict[str, Any] | None, full: bool, of_files: bool
) -> None:
    """Keeps a home's rows of one origin: files and PostgreSQL can't tell each other's deleted rows."""
    if newest and not full and of_files == (newest["source"] == postgres.NAME):
        raise SourceError(
            f"{business.name} in {settings.home} was loaded from {newest['source']}.",
            f"One home holds one source; this one is {'a folder of files' if of_files else postgres.NAME}.",
            "Use another home (setia --home DIR ...), or replace what is there: add --full.",
        )


@contextmanager
def _step(settings: Settings, business: Business, step: str) -> Iterator[Run]:
    with home.hold(settings, business.name, step), ledger.record(settings, business.name, step) as run:
        yield run


def _named(progress: Progress, what: str) -> Callable[[int, int], None]:
    return lambda done, of: progress(what, done, of)


def _counted(progress: Progress, opened: Any) -> Callable[[str], None]:
    steps = iter(range(1, 2 * len(opened.tables) + 1))
    return lambda what: progress(f"load: {what}", next(steps), 2 * len(opened.tables))
