"""Building the models: one more month beside everything anew, and beside a history twice as long.

    python bench/transform.py [--customers 65000] [--months 24] [--repeats 3] [--folder DIR] [--json]

A simulated history is loaded three times: as it is, with its sessions doubled into the years before, and with
subscriptions, payments and ratings doubled, too. Each is built anew as of a month before its end, and then as of
its end: the last month arrives. What the same build costs on next to no rows is dbt's own, and is taken off. CPU is
that of all processes of a build.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from setia import simulation
from setia.plan import Plan

BUSINESS = "movie_streaming"
STARTED = time.monotonic()
SESSIONS, EVENTS = ("watch_sessions",), ("watch_sessions", "subscriptions", "payments", "ratings")
KEYS = {
    "watch_sessions": ("session_id",),
    "subscriptions": ("subscription_id",),
    "payments": ("payment_id", "subscription_id"),
    "ratings": ("rating_id",),
}
INSTANTS = {
    "watch_sessions": ("start_time", "end_time", "updated_at"),
    "subscriptions": ("canceled_at", "updated_at"),
    "payments": ("payment_date", "updated_at"),
    "ratings": ("rating_date", "updated_at"),
}
DAYS = {"watch_sessions": (), "subscriptions": ("start_date", "end_date"), "payments": (), "ratings": ()}
NOISE = 0.1  # what medians of equal builds differ by on a machine that does other things too


def say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:7.1f} s  {text}", file=sys.stderr, flush=True)


def setia(home: Path, *arguments: str) -> dict[str, float]:
    """Runs the command line; CPU and wall seconds, and the largest process's peak in MB."""
    began = time.monotonic()
    command = [sys.executable, "-m", "setia", "--home", str(home), *arguments, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    wall = time.monotonic() - began
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1000}


def make(folder: Path, name: str, plan: Plan) -> Path:
    """A home into which this history is loaded."""
    home, files = folder / name, folder / f"{plan.customers}-files"
    if not files.exists():
        simulation.simulate(BUSINESS, plan, files)
    if not (home / "warehouse").exists():
        setia(home, "load", BUSINESS, "--source", str(files))
    return home


def double(home: Path, plan: Plan, tables: tuple[str, ...]) -> int:
    """Puts every row of these tables into the years before, too; returns how many sessions there are then."""
    with duckdb.connect(str(home / "warehouse" / f"{BUSINESS}.duckdb")) as connection:
        connection.execute("set preserve_insertion_order = false")
        for table in tables:
            if connection.execute(f"select min({KEYS[table][0]}) < 0 from {raw(table)}").fetchone() == (
                False,
            ):
                earlier(connection, table, plan)
        row = connection.execute(f"select count(*) from {raw('watch_sessions')}").fetchone()
        assert row is not None
        return int(row[0])


def earlier(connection: duckdb.DuckDBPyConnection, table: str, plan: Plan) -> None:
    """Adds a copy of the table's rows, under negative keys, that ends the day before the history begins."""
    days = (plan.end - plan.start).days + 1
    moved = [f"-1 - {key} as {key}" for key in KEYS[table]]
    moved += [f"{column} - interval {days} day as {column}" for column in INSTANTS[table]]
    moved += [f"coalesce({column}, date '{plan.end}') - {days} as {column}" for column in DAYS[table]]
    connection.execute(f"insert into {raw(table)} select * replace ({', '.join(moved)}) from {raw(table)}")


def raw(table: str) -> str:
    return f"{BUSINESS}_raw.raw_{table}"


def build(home: Path, plan: Plan) -> dict[str, dict[str, float]]:
    """Everything as of a month before the end, then the month that is left."""
    before = (plan.end.replace(day=1) - timedelta(days=1)).isoformat()
    return {
        "full": setia(home, "transform", BUSINESS, "--as-of", before, "--full-refresh"),
        "month": setia(home, "transform", BUSINESS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--customers", type=int, default=65_000, help="65,000 over 24 months: ten million sessions"
    )
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="kept afterwards, so that the next run makes less")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        result = measure(options, (options.folder or Path(temporary)).resolve())
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    plan, few = Plan(7, options.customers, options.months), Plan(7, 10, 2)
    homes = {"few rows": make(folder, "few", few)}
    homes["history"] = make(folder, "once", plan)
    for name, tables in (("sessions twice", SESSIONS), ("history twice", EVENTS)):
        homes[name] = make(folder, name.replace(" ", "-"), plan)
        say(f"{name}: {double(homes[name], plan, tables):,} sessions")
    runs: list[dict[str, Any]] = []
    for _ in range(options.repeats):
        for name, home in homes.items():
            for mode, cost in build(home, few if name == "few rows" else plan).items():
                runs.append({"home": name, "mode": mode, **cost})
                say(
                    f"{name}, {mode}: {cost['wall']:.1f} s, CPU {cost['cpu']:.1f} s, peak {cost['peak']:,.0f} MB"
                )
    return {"runs": runs, "targets": targets(runs)}


def targets(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def median(home: str, mode: str, figure: str) -> float:
        return statistics.median(run[figure] for run in runs if (run["home"], run["mode"]) == (home, mode))

    found: list[dict[str, Any]] = []

    def add(target: str, measured: float, limit: float) -> None:
        found.append({"target": target, "measured": measured, "limit": limit, "kept": measured <= limit})

    for figure in ("cpu", "wall"):
        own = {mode: median("few rows", mode, figure) for mode in ("full", "month")}
        month = median("history", "month", figure) - own["month"]
        add(f"a month / everything, {figure}", month / (median("history", "full", figure) - own["full"]), 0.2)
        for twice in ("sessions twice", "history twice"):
            grown = median(twice, "month", figure) - own["month"]
            add(f"a month with {twice} / a month, {figure}", grown / month, 1 + NOISE)
    add("peak of everything / 3 GB", median("history", "full", "peak") / 3000, 1.0)
    return found


def show(result: dict[str, Any]) -> None:
    for target in result["targets"]:
        verdict = "pass" if target["kept"] else "FAIL"
        print(f"{verdict:6}{target['target']:50}{target['measured']:8.2f}  limit {target['limit']:g}")


if __name__ == "__main__":
    main()
