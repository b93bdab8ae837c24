"""The verbs: each holds its business, keeps the ledger, and does one step. The CLI and the DAGs call these."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb import DuckDBPyConnection

from setia import as_of as instants
from setia import batches, files, home, ledger, postgres, postgres_source, raw, rebuild
from setia import load as loading
from setia import publish as publishing
from setia import reconcile as reconciling
from setia import transform as transforming
from setia.batches import Batch
from setia.errors import MemoryShortage, SourceError, TransformError
from setia.ledger import Run
from setia.mapping import read_mapping
from setia.plan import Plan
from setia.publish import Snapshot
from setia.reconcile import Reconciliation
from setia.schema import Business
from setia.settings import Settings
from setia.sources import Source
from setia.transform import Build
from setia.warehouses import connect

if TYPE_CHECKING:
    from setia.ingest import History
    from setia.predict import Prediction

Progress = Callable[[str, int, int], None]
"""Told of progress as (what, done, of)."""


@dataclass(frozen=True)
class From:
    """Where to load from: a folder of files, or PostgreSQL when there is none; and what things are called there."""

    folder: Path | None = None
    mapping: Path | None = None

    def read_mapping(self, business: Business) -> dict[str, Any]:
        """What the mapping file says; nothing when there is none."""
        return read_mapping(self.mapping, business) if self.mapping else {}


def init(settings: Settings, business: Business, plan: Plan, progress: Progress) -> "History":
    """Makes the OLTP tables with their first simulated history; nothing happens when it is there."""
    from setia import ingest as history  # with the simulators, which only these verbs need

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
) -> "History":
    """Advances the simulated business in PostgreSQL by `hours`, or to `until`."""
    from setia import ingest as history

    with _step(settings, business, "ingest") as run, postgres.server(settings) as dsn:
        made = history.ingest(dsn, business, hours, until, _named(progress, "ingest"))
        run.counts |= {"rows": made.rows, "until": made.until.isoformat()}
        return made


def load(
    settings: Settings,
    business: Business,
    source: From | None,
    full: bool,
    progress: Progress,
    reconciled: bool = False,
) -> Batch:
    """Source -> raw. `reconciled`: a load that read whole tables is committed only if raw is the source."""
    source = source or From()
    mapping = source.read_mapping(business)

    def attempt(frugal: bool) -> Batch:
        with _opened(settings, business, source.folder, mapping, full) as (connection, opened):
            options = loading.Options(settings.new_columns == "carry", frugal)
            report = _counted(progress, opened)
            done = loading.load(connection, business, opened, settings.timezone, report, options)
            if not reconciled or any(table.changes for table in opened.tables):
                return done
            found = reconciling.reconcile(connection, business, opened)
            reconciling.insist(found)
            return replace(done, reconciled=tuple(each.shown() for each in found))

    with _step(settings, business, "load") as run:
        try:
            done = attempt(frugal=True)
        except MemoryShortage:
            done = attempt(frugal=False)
        run.counts |= {"batch_id": done.batch_id, "source": done.source, "tables": done.counts()}
        run.counts["data_through"] = instants.text(done.data_through) if done.data_through else None
        run.counts |= {"drift": list(done.drift), "assumptions": list(done.assumptions)}
        run.counts["reconciled"] = list(done.reconciled)
    return done


def reconcile(settings: Settings, business: Business, source: From | None) -> list[Reconciliation]:
    """The source as it is now against raw and quarantine, key by key; changes nothing."""
    source = source or From()
    mapping = source.read_mapping(business)
    with (
        _step(settings, business, "reconcile") as run,
        _opened(settings, business, source.folder, mapping, full=False, to_write=False) as (
            connection,
            opened,
        ),
    ):
        found = reconciling.reconcile(connection, business, opened)
        run.counts["reconciled"] = [each.shown() for each in found]
        return found


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
        with connect(settings, business.name) as connection:
            batch_id = newest["batch_id"] if newest else 0
            rebuilt = rebuild.begin(connection, business, settings, instant, batch_id)
            full_refresh = full_refresh or rebuilt is None
            rebuilt = None if full_refresh else rebuilt
            since = rebuild.since(connection, business) if rebuilt else None
            key_types = raw.contract_types(connection, business)
        options = transforming.Options(full_refresh, select, rebuilt, since, key_types)
        build = transforming.transform(settings, business, instant, options, _named(progress, "transform"))
        if build.complete:
            with connect(settings, business.name) as connection:
                rebuild.finish(connection, business)
        run.counts |= {key: value for key, value in asdict(build).items() if key != "failed"}
        return build


def predict(
    settings: Settings, business: Business, progress: Progress, retrain: bool = False
) -> "Prediction":
    """Marts -> scores as of the last transform, if it was complete and every test passed."""
    from setia import predict as predicting  # learning takes half a second to import

    with _step(settings, business, "predict") as run:
        progress("predict", 0, 1)
        built = publishing.last_good_build(settings, business)
        run.as_of = str(built["as_of"])
        with connect(settings, business.name) as connection:
            done = predicting.predict(connection, settings, business, retrain)
        progress("predict", 1, 1)
        run.counts |= asdict(done) | {"scored": built["run_id"]}
        return done


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
    source: From | None,
    as_of: str | None,
    progress: Progress,
    full: bool = False,
) -> tuple[Batch, Build, Snapshot]:
    """load, reconcile what was read whole, transform, predict, publish."""
    if as_of:
        instants.parse(as_of, settings.zone)  # a slip is told before anything is loaded
    batch = load(settings, business, source, full, progress, reconciled=True)
    build = transform(settings, business, as_of, progress)
    predict(settings, business, progress)
    return batch, build, publish(settings, business, progress)


def demo(settings: Settings, business: Business, plan: Plan, progress: Progress) -> Snapshot:
    """Everything on simulated data: a first history, a full load, one more day, an incremental load, marts.

    Every part is idempotent, so a killed demo run again ends with the same published tables.
    """
    from setia import simulation

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


@contextmanager
def _opened(
    settings: Settings,
    business: Business,
    folder: Path | None,
    mapping: dict[str, Any],
    full: bool,
    to_write: bool = True,
) -> Iterator[tuple[DuckDBPyConnection, Source]]:
    """The warehouse in a transaction, and in it the source; committed on leaving."""
    server = nullcontext("") if folder else postgres.server(settings)
    with (
        server as dsn,
        connect(settings, business.name, read_only=not to_write) as connection,
        loading.transaction(connection),
    ):
        newest = batches.newest(connection, business)
        _same_kind(settings, business, newest, full, of_files=folder is not None)
        is_due = full or (to_write and _is_compare_due(settings, newest))
        zone, mark = settings.timezone, newest["mark"] if newest and not is_due else None
        if folder:
            opened = files.open_source(connection, business, folder, mapping, zone, full)
        else:
            opened = postgres_source.open_source(connection, business, dsn, zone, mark, mapping)
        yield connection, opened


def _counted(progress: Progress, opened: Source) -> Callable[[str], None]:
    steps = iter(range(len(opened.tables)))
    return lambda what: progress(what, next(steps), len(opened.tables))


def _is_compare_due(settings: Settings, newest: dict[str, Any] | None) -> bool:
    """Whether it is time to read everything again; also when the last load does not say when that was."""
    last = newest["mark"].get("compared_at") if newest else None
    every = timedelta(hours=settings.compare_hours)
    return last is None or datetime.now(UTC) - datetime.fromisoformat(last) >= every


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
