"""Building the models: one more month or day beside everything anew, and beside a history twice as long.

    python bench/transform.py [--business ecommerce] [--months 24] [--repeats 3] [--folder DIR] [--json]

A simulated history is loaded as it is, and with its rows doubled into the years before: the video service's sessions,
of the same users; everything that it knows of its users, as that of others who left; the shop's orders with their
lines, of the same customers. Each is built anew as of a step before its end, and then as of its end: the last month
of the video service, the last day of the shop. That step is compared with what could be done in its place, everything
anew as of the end. What the same build costs on next to no rows is dbt's own, and is taken off. CPU is that of all
processes of a build.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from setia import simulation
from setia.plan import Plan


@dataclass(frozen=True)
class Subject:
    """What is built: `doubled` has of each longer history the tables, and which of their keys are others there.

    The columns below move with their rows.
    """

    customers: int
    step: timedelta
    doubled: Mapping[str, Mapping[str, tuple[str, ...]]]
    instants: Mapping[str, tuple[str, ...]]
    days: Mapping[str, tuple[str, ...]]
    born: str = ""
    """SQL that lets the people of the longer history be there from its beginning, so many `{days}` before."""
    peak_limit: int | None = None
    """MB that building everything may take, where the issue names a limit."""


SUBJECTS = {
    "movie_streaming": Subject(
        customers=65_000,
        step=timedelta(days=31),
        doubled={
            "sessions twice": {"watch_sessions": ("session_id",)},
            "history twice": {
                "users": ("user_id",),
                "watch_sessions": ("session_id", "user_id"),
                "subscriptions": ("subscription_id", "user_id"),
                "payments": ("payment_id", "subscription_id", "user_id"),
                "ratings": ("rating_id", "user_id"),
            },
        },
        instants={
            "users": ("updated_at",),
            "watch_sessions": ("start_time", "end_time", "updated_at"),
            "subscriptions": ("canceled_at", "updated_at"),
            "payments": ("payment_date", "updated_at"),
            "ratings": ("rating_date", "updated_at"),
        },
        days={"users": ("join_date",), "subscriptions": ("start_date", "end_date")},
        peak_limit=3000,
    ),
    "ecommerce": Subject(
        customers=460_000,
        step=timedelta(days=1),
        doubled={"orders twice": {"orders": ("order_id",), "order_items": ("order_item_id", "order_id")}},
        instants={"orders": ("order_date", "updated_at"), "order_items": ("updated_at",)},
        days={},
        born="update ecommerce_raw.raw_customers set created_at = created_at - interval {days} day",
    ),
}
STARTED = time.monotonic()
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


def make(business: str, folder: Path, name: str, plan: Plan) -> Path:
    """A home into which this history is loaded."""
    home, files = folder / name, folder / f"{plan.customers}-files"
    if not files.exists():
        simulation.simulate(business, plan, files)
    if not (home / "warehouse").exists():
        setia(home, "load", business, "--source", str(files))
    return home


def double(business: str, home: Path, plan: Plan, tables: Mapping[str, tuple[str, ...]]) -> None:
    """Puts every row of these tables into the years before, too, under negative keys."""
    subject = SUBJECTS[business]
    with duckdb.connect(str(home / "warehouse" / f"{business}.duckdb")) as connection:
        connection.execute("set preserve_insertion_order = false")
        for table, keys in tables.items():
            raw = f"{business}_raw.raw_{table}"
            if connection.execute(f"select min({keys[0]}) < 0 from {raw}").fetchone() != (False,):
                continue
            moved = [f"-1 - {key} as {key}" for key in keys]
            moved += [
                f"{column} - interval {plan.days} day as {column}" for column in subject.instants[table]
            ]
            moved += [
                f"coalesce({column}, date '{plan.end}') - {plan.days} as {column}"
                for column in subject.days.get(table, ())
            ]
            connection.execute(f"insert into {raw} select * replace ({', '.join(moved)}) from {raw}")
            if subject.born and table == next(iter(tables)):
                connection.execute(subject.born.format(days=plan.days))


def build(business: str, home: Path, plan: Plan, is_doubled: bool) -> dict[str, dict[str, float]]:
    """Everything as of a step before the end, then the day or month that is left, and then everything again."""
    end = plan.end - timedelta(days=1)
    setia(
        home, "transform", business, "--as-of", (end - SUBJECTS[business].step).isoformat(), "--full-refresh"
    )
    costs = {"step": setia(home, "transform", business, "--as-of", end.isoformat())}
    if not is_doubled:
        costs["full"] = setia(home, "transform", business, "--as-of", end.isoformat(), "--full-refresh")
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--business", choices=SUBJECTS, default="movie_streaming")
    parser.add_argument(
        "--customers", type=int, help="so that there are 10 million sessions or 5 million orders"
    )
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="kept afterwards, so that the next run makes less")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        result = measure(options, ((options.folder or Path(temporary)) / options.business).resolve())
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    business, subject = options.business, SUBJECTS[options.business]
    plan, few = Plan(7, options.customers or subject.customers, options.months), Plan(7, 10, 2)
    homes = {"few rows": make(business, folder, "few", few), "history": make(business, folder, "once", plan)}
    for name, tables in subject.doubled.items():
        homes[name] = make(business, folder, name.replace(" ", "-"), plan)
        double(business, homes[name], plan, tables)
    say("all are loaded")
    runs: list[dict[str, Any]] = []
    for _ in range(options.repeats):
        for name, home in homes.items():
            rows = few if name == "few rows" else plan
            for mode, cost in build(business, home, rows, name in subject.doubled).items():
                runs.append({"home": name, "mode": mode, **cost})
                say(
                    f"{name}, {mode}: {cost['wall']:.1f} s, CPU {cost['cpu']:.1f} s, peak {cost['peak']:,.0f} MB"
                )
    return {"runs": runs, "targets": targets(runs, subject)}


def targets(runs: list[dict[str, Any]], subject: Subject) -> list[dict[str, Any]]:
    def median(home: str, mode: str, figure: str) -> float:
        return statistics.median(run[figure] for run in runs if (run["home"], run["mode"]) == (home, mode))

    found: list[dict[str, Any]] = []

    def add(target: str, measured: float, limit: float) -> None:
        found.append({"target": target, "measured": measured, "limit": limit, "kept": measured <= limit})

    for figure in ("cpu", "wall"):
        own = {mode: median("few rows", mode, figure) for mode in ("full", "step")}
        step = median("history", "step", figure) - own["step"]
        add(f"a step / everything, {figure}", step / (median("history", "full", figure) - own["full"]), 0.2)
        for twice in subject.doubled:
            grown = median(twice, "step", figure) - own["step"]
            add(f"a step with {twice} / a step, {figure}", grown / step, 1 + NOISE)
    if subject.peak_limit:
        add("peak of everything, MB", median("history", "full", "peak"), subject.peak_limit)
    return found


def show(result: dict[str, Any]) -> None:
    for target in result["targets"]:
        verdict = "pass" if target["kept"] else "FAIL"
        print(f"{verdict:6}{target['target']:50}{target['measured']:8.2f}  limit {target['limit']:g}")


if __name__ == "__main__":
    main()
