"""The verbs that only look: how things stand, whether raw is the source, and why a row is not there."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from setia import as_of as instants
from setia import batches, ledger, pipeline, quarantine, terminal
from setia import doctor as checking
from setia import publish as publishing
from setia import settings as configuration
from setia.assumptions import sentence
from setia.businesses import find
from setia.errors import TransformError, UsageError
from setia.pipeline import From
from setia.schema import Business
from setia.settings import Settings
from setia.verb import CALL, Json, Mapping, Name, Result, SourceDir, verb
from setia.warehouses import connect

app = typer.Typer()


def settings_of_call() -> Settings:
    """The settings of the home that the command names."""
    return configuration.load(CALL.get().home)


@app.command(epilog="Example:  setia status --json")
@verb
def status(business: Name = None, json: Json = False) -> Result:
    """Last runs, how far the data reaches, and what raw and quarantine hold."""
    settings, data, lines = settings_of_call(), {}, []
    for each in find(business):
        runs = ledger.runs(settings, each.name, limit=10)
        figures, shown = headlines(settings, each)
        tables = {}
        if settings.warehouse_file(each.name).exists():
            with connect(settings, each.name, read_only=True) as connection:
                tables = batches.totals(connection, each) if batches.newest(connection, each) else {}
        data[each.name] = figures | {"runs": runs, "tables": tables}
        names = ("step", "status", "started_at", "seconds", "error")
        short = [
            {name: one[name] for name in names} | {"started_at": one["started_at"][:19].replace("T", " ")}
            for one in runs
        ]
        lines += [*shown, *([terminal.table("Last runs", short)] if runs else [])]
        if tables:
            lines.append(terminal.counts("All batches", tables))
    return {"home": str(settings.home), "businesses": data}, lines


@app.command(epilog="Example:  setia why ecommerce --rule orphan")
@verb
def why(
    business: Name = None,
    table: Annotated[str | None, typer.Option(help="Only this table.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only rows that broke this rule.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 5,
    json: Json = False,
) -> Result:
    """Show quarantined rows, the rule each broke, what would fix them, and what is taken for granted."""
    settings, data, lines = settings_of_call(), {}, []
    if rule and rule not in quarantine.FIXES:
        raise UsageError(
            f"{rule!r} is not a rule.", f"Rules: {', '.join(quarantine.FIXES)}.", "setia why --rule orphan"
        )
    for each in find(business):
        if table and table not in {name for one in each.tables for name in (one.name, one.raw)}:
            names = ", ".join(one.name for one in each.tables)
            raise UsageError(
                f"{each.name} has no table {table!r}.", f"Tables: {names}.", "setia why --table NAME"
            )
        with connect(settings, each.name, read_only=True) as connection:
            if batches.newest(connection, each) is None:
                raise TransformError(
                    f"{each.name} was never loaded.", "A load judges rows.", f"setia load {each.name}"
                )
            summary = quarantine.summary(connection, each, table, rule)
            rows = quarantine.rows(connection, each, table, rule, limit)
            assumed = [one for one in batches.assumed(connection, each) if table in (None, one["table"])]
        data[each.name] = {"summary": summary, "rows": rows, "assumptions": assumed}
        lines.append(
            terminal.table(f"{each.title}: quarantine", summary)
            if summary
            else f"{each.title}: nothing is in quarantine."
        )
        lines += [
            f"{one['table']} {one['key']}: {one['rule']} {one['column'] or ''}  {one['row']}" for one in rows
        ]
        lines += [f"Assumed: {sentence(one)}" for one in assumed]
    return {"businesses": data}, lines


@app.command(epilog="Example:  setia reconcile movie_streaming")
@verb
def reconcile(
    business: Name = None, source: SourceDir = None, mapping: Mapping = None, json: Json = False
) -> Result:
    """Compare the source with raw and quarantine by count and checksum, and name the keys that differ."""
    settings, data = settings_of_call(), {}
    lines: list[Any] = []
    for each in find(business):
        found = pipeline.reconcile(settings, each, From(source, mapping))
        data[each.name] = [one.shown() for one in found]
        rows = [
            {
                "table": one.table,
                "source": one.source_rows,
                "raw": one.raw_rows,
                "quarantined": one.quarantined_rows,
            }
            | {"ranges": one.ranges, "differing": one.differing_ranges}
            | one.counts
            for one in found
        ]
        lines.append(terminal.table(f"{each.title}: source and raw", rows))
        lines += [
            f"{one.table}: {kind}: {', '.join(one.keys[kind])}"
            for one in found
            for kind, count in one.counts.items()
            if count
        ]
        alike = all(one.ok for one in found)
        lines.append(
            "Raw is the source."
            if alike
            else f"Raw is not the source. Load it whole:  setia load {each.name} --full"
        )
    ok = all(one["ok"] for tables in data.values() for one in tables)
    return {"ok": ok, "businesses": data}, lines


@app.command(epilog="Example:  setia doctor")
@verb
def doctor(json: Json = False) -> Result:
    """Check this machine and say what to fix."""
    checks = checking.doctor(settings_of_call())
    lines = [
        f"{'ok ' if not check.fix else 'FIX'}  {check.name}: {check.found}  {check.fix}" for check in checks
    ]
    return {
        "ok": not any(check.fix for check in checks),
        "checks": [asdict(check) for check in checks],
    }, lines


def headlines(settings: Settings, business: Business) -> Result:
    """The headline figures of what is published, as data and as lines."""
    snapshot = publishing.current(settings, business)
    if snapshot is None:
        return {"published": None}, [f"{business.title}: nothing is published yet."]
    figures = pipeline.headlines(settings, business)
    last_day = datetime.fromisoformat(snapshot.as_of).astimezone(UTC).isoformat(sep=" ", timespec="seconds")
    rows = [
        {"figure": each["label"], "value": terminal.figure(each["value"], each["unit"], settings.currency)}
        for each in figures
    ]
    rows.append({"figure": "Data through", "value": instants.local(snapshot.as_of, settings.zone)})
    data = {"as_of": last_day, "data_through": snapshot.data_through, "headlines": figures}
    return data, [terminal.table(business.title, rows)]
