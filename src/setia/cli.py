"""The command line: one short function per verb that parses, calls and prints."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from setia import __version__, cli_look, pipeline, terminal
from setia import as_of as instants
from setia import publish as publishing
from setia.assumptions import sentence
from setia.batches import Batch
from setia.businesses import BUSINESSES, find
from setia.cli_look import headlines, settings_of_call
from setia.errors import UsageError
from setia.pipeline import From
from setia.plan import Plan
from setia.schema import Business
from setia.settings import Settings
from setia.verb import (
    CALL,
    AsOf,
    Call,
    Customers,
    Full,
    Json,
    Mapping,
    Months,
    Name,
    Result,
    Seed,
    SourceDir,
    verb,
)

app = typer.Typer(
    name="setia",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Who stays, who leaves, what it costs, and what to do next.",
)
app.add_typer(cli_look.app)


@app.callback(epilog="Start here:  setia demo")
def setia(
    home: Annotated[
        Path | None,
        typer.Option(help="Holds all state; default: SETIA_HOME or ./.setia.", show_default=False),
    ] = None,
    json: Json = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=lambda on: _version(on), help="Print the version."),
    ] = False,
) -> None:
    """Who stays, who leaves, what it costs, and what to do next."""
    CALL.set(Call(home, json, debug))


def _version(on: bool) -> None:
    if on:
        typer.echo(__version__)
        raise typer.Exit


@app.command(epilog="Example:  setia demo --customers 2000")
@verb
def demo(
    business: Name = None,
    customers: Customers = 5000,
    months: Months = 18,
    seed: Seed = 7,
    json: Json = False,
) -> Result:
    """Everything on simulated data: from an empty home to published marts and headline numbers."""
    settings, data, lines = settings_of_call(), {}, []
    plan = Plan(seed=seed, customers=customers, months=months)
    for each in find(business):
        with terminal.progress(each.title) as progress:
            pipeline.demo(settings, each, plan, progress)
        data[each.name], shown = headlines(settings, each)
        lines += [*shown, ""]
    lines += [f"Everything is in {settings.home}", f"Next:  {terminal.program(settings.home)} status"]
    return {"home": str(settings.home), "businesses": data}, lines


@app.command(epilog="Example:  setia simulate ecommerce --customers 1000 --months 12 --out data")
@verb
def simulate(
    business: Annotated[str, typer.Argument(metavar="BUSINESS", help=" or ".join(BUSINESSES))],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; default: simulated/BUSINESS in the home.")
    ] = None,
    customers: Customers = 5000,
    months: Months = 18,
    seed: Seed = 7,
    format: Annotated[
        Literal["parquet", "csv"], typer.Option(help="Of the tables; the truth is Parquet.")
    ] = "parquet",
    json: Json = False,
) -> Result:
    """Write the files of a simulated business, and the ground truth beside them."""
    from setia import simulation  # the simulators take longer to import than a small load

    (each,) = find(business)
    out = out or settings_of_call().home / "simulated" / each.name
    plan = Plan(seed=seed, customers=customers, months=months)
    with terminal.progress(each.title) as progress:
        rows = simulation.simulate(
            each.name, plan, out, format, lambda done, of: progress("simulate", done, of)
        )
    counts = [{"table": name, "rows": count} for name, count in rows.items()]
    return {"out": str(out), "rows": rows}, [terminal.table(f"{each.title}: {out}", counts)]


@app.command(epilog="Example:  setia init movie_streaming --customers 5000 --months 18")
@verb
def init(
    business: Name = None,
    customers: Customers = 5000,
    months: Months = 18,
    seed: Seed = 7,
    json: Json = False,
) -> Result:
    """Create the operational tables and load the first simulated history; idempotent."""
    settings, plan = settings_of_call(), Plan(seed=seed, customers=customers, months=months)
    return _histories(business, lambda each, progress: pipeline.init(settings, each, plan, progress))


@app.command(epilog="Example:  setia ingest ecommerce --hours 24")
@verb
def ingest(
    business: Name = None,
    hours: Annotated[int | None, typer.Option(min=1, help="How far to go on; default 1.")] = None,
    until: Annotated[str | None, typer.Option(help="Go on up to this date or instant instead.")] = None,
    json: Json = False,
) -> Result:
    """Advance the simulated business in PostgreSQL; how the hours are cut makes no difference."""
    settings = settings_of_call()
    if hours and until:
        raise UsageError("--hours and --until are both given.", "One says how far.", "Leave one of them out.")
    end = instants.parse(until, settings.zone) if until else None
    steps = None if until else hours or 1
    return _histories(business, lambda each, progress: pipeline.ingest(settings, each, steps, end, progress))


def _histories(business: str | None, step: Callable[..., Any]) -> Result:
    data, lines = {}, []
    for each in find(business):
        with terminal.progress(each.title) as progress:
            made = step(each, progress)
        data[each.name] = {"until": made.until.isoformat(), "rows": made.rows}
        written = ", ".join(f"{count:,} {name}" for name, count in made.rows.items())
        lines.append(f"{each.title}: up to {made.until.isoformat()}; written: {written or 'nothing new'}")
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia load ecommerce --source exports --mapping exports.toml")
@verb
def load(
    business: Name = None,
    source: SourceDir = None,
    mapping: Mapping = None,
    full: Full = False,
    json: Json = False,
) -> Result:
    """Load the source into the warehouse: every row is loaded, quarantined with its reason, or a duplicate."""
    settings, origin = settings_of_call(), From(source, mapping)
    data: dict[str, Any] = {}
    lines: list[Any] = []
    for each in find(business):
        with terminal.progress(each.title) as progress:
            batch = pipeline.load(settings, each, origin, full, progress)
        data[each.name] = {
            "batch_id": batch.batch_id,
            "data_through": batch.data_through,
            "tables": batch.counts(),
            "drift": batch.drift,
            "assumptions": batch.assumptions,
        }
        lines.append(terminal.counts(f"{each.title}: batch {batch.batch_id}", batch.counts()))
        lines += _noticed(settings, each, batch)
        if any(counts.quarantined for counts in batch.tables.values()):
            lines.append(f"Why rows were quarantined:  {terminal.program(settings.home)} why {each.name}")
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia transform ecommerce --as-of 2025-06-30")
@verb
def transform(
    business: Name = None,
    as_of: AsOf = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Rebuild incremental models.")] = False,
    select: Annotated[
        str | None, typer.Option(help="dbt's node selection; what is partial is not published.")
    ] = None,
    json: Json = False,
) -> Result:
    """Build the models with dbt and test them."""
    settings, data, lines = settings_of_call(), {}, []
    for each in find(business):
        with terminal.progress(each.title) as progress:
            build = pipeline.transform(settings, each, as_of, progress, full_refresh, select)
        data[each.name] = asdict(build)
        lines.append(
            f"{each.title}: {build.models} models built, {build.tests} tests passed in {build.seconds:.1f} s"
        )
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia predict movie_streaming --retrain")
@verb
def predict(
    business: Name = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Learn anew, also when what was learned is still good.")
    ] = False,
    json: Json = False,
) -> Result:
    """Score who leaves, what they are worth and what to show them; learn anew when that is due."""
    settings, data, lines = settings_of_call(), {}, []
    for each in find(business):
        with terminal.progress(each.title) as progress:
            done = pipeline.predict(settings, each, progress, retrain)
        data[each.name] = asdict(done)
        how = f"learned anew: {done.why_learned}" if done.why_learned else "kept"
        lines.append(f"{each.title}: model {done.model_id} ({how})")
        lines += [f"  {what}: {method}" for what, method in done.methods.items()]
        lines += [f"  {rows:,} rows in {name}" for name, rows in done.tables.items()]
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia publish ecommerce")
@verb
def publish(
    business: Name = None,
    personal: Annotated[
        list[str] | None, typer.Option(help="Include this personal column; repeat for more.")
    ] = None,
    json: Json = False,
) -> Result:
    """Publish the marts in one step, if every test passed."""
    settings, data, lines = settings_of_call(), {}, []
    for each in find(business):
        with terminal.progress(each.title) as progress:
            snapshot = pipeline.publish(settings, each, progress, tuple(personal or ()))
        data[each.name] = asdict(snapshot)
        lines.append(f"{each.title}: {len(snapshot.tables)} tables published in {snapshot.folder}")
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia run ecommerce --source exports --as-of 2023-07-20")
@verb
def run(
    business: Name = None,
    source: SourceDir = None,
    mapping: Mapping = None,
    as_of: AsOf = None,
    full: Full = False,
    json: Json = False,
) -> Result:
    """load, transform, predict, publish."""
    settings, origin = settings_of_call(), From(source, mapping)
    data: dict[str, Any] = {}
    lines: list[Any] = []
    for each in find(business):
        with terminal.progress(each.title) as progress:
            batch, build, snapshot = pipeline.run(settings, each, origin, as_of, progress, full)
        figures, shown = headlines(settings, each)
        data[each.name] = figures | {
            "tables": batch.counts(),
            "drift": batch.drift,
            "assumptions": batch.assumptions,
            "reconciled": batch.reconciled,
            "tests": build.tests,
            "published": str(snapshot.folder),
        }
        lines.append(terminal.counts(f"{each.title}: batch {batch.batch_id}", batch.counts()))
        lines += [*_noticed(settings, each, batch), *shown]
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia export ecommerce --out marts --format csv")
@verb
def export(
    business: Name = None,
    out: Annotated[Path, typer.Option(help="The folder to write; one folder a business in it.")] = Path(
        "export"
    ),
    format: Annotated[Literal["parquet", "csv"], typer.Option(help="Of the files.")] = "parquet",
    table: Annotated[list[str] | None, typer.Option(help="Only this table; repeat for more.")] = None,
    json: Json = False,
) -> Result:
    """Copy the published marts as Parquet or CSV."""
    settings, data, lines = settings_of_call(), {}, []
    for each in find(business):
        snapshot = publishing.current(settings, each)
        if snapshot is None:
            raise publishing.nothing_published(settings, each)
        rows = publishing.export(snapshot, out / each.name, format, table or [])
        data[each.name] = {"folder": str(out / each.name), "rows": rows}
        counts = [{"table": name, "rows": count} for name, count in rows.items()]
        lines.append(terminal.table(f"{each.title}: {out / each.name}", counts))
    return {"businesses": data}, lines


def _noticed(settings: Settings, business: Business, batch: Batch) -> list[str]:
    """What changed in the source's columns, and what is taken for granted since this load."""
    lines = [
        f"{one['table']} in the source: column {one['column']!r} is {one['change']}; {one['outcome']}."
        for one in batch.drift
    ]
    new = [sentence(one) for one in batch.assumptions if one["is_new"]]
    lines += [f"Assumed: {one}" for one in new]
    if len(new) < len(batch.assumptions):
        rest, name = len(batch.assumptions) - len(new), terminal.program(settings.home)
        lines.append(f"Assumed as before: {rest} more. To see them:  {name} why {business.name}")
    return lines
