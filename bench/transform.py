"""Building the models: one more month beside everything anew, and beside a history twice as long.

    python bench/transform.py [--customers 65000] [--months 24] [--repeats 3] [--folder DIR] [--json]

A simulated history is loaded twice, the second time with its sessions doubled into the years before. Each is
built anew as of a month before its end, and then as of its end: the last month arrives. What the same build
costs on next to no rows is dbt's own, and is taken off. CPU is that of all processes of a build.
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
    home = folder / name
    if not (home / "warehouse").exists():
        simulation.simulate(BUSINESS, plan, folder / f"{name}-files")
        setia(home, "load", BUSINESS, "--source", str(folder / f"{name}-files"))
    return home


def double(home: Path, plan: Plan) -> int:
    """Puts every session into the years before, too; returns how many there are then."""
    earlier = ", ".join(
        f"{column} - interval {(plan.end - plan.start).days + 1} day as {column}"
        for column in ("start_time", "end_time", "updated_at")
    )
    table = f"{BUSINESS}_raw.raw_watch_sessions"
    with duckdb.connect(str(home / "warehouse" / f"{BUSINESS}.duckdb")) as connection:
        row = connection.execute(f"select min(session_id), max(session_id), count(*) from {table}").fetchone()
        assert row is not None
        first, last, count = row
        if first < 0:
            return int(count)
        moved = f"* replace (session_id - {last + 1} as session_id, {earlier})"
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"insert into {table} select {moved} from {table}")
        return int(2 * count)


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
    homes["history twice"] = make(folder, "twice", plan)
    say(f"{double(homes['history twice'], plan):,} sessions in the doubled history")
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

    found = []
    for figure in ("cpu", "wall"):
        own = {mode: median("few rows", mode, figure) for mode in ("full", "month")}
        full = median("history", "full", figure) - own["full"]
        month = median("history", "month", figure) - own["month"]
        twice = median("history twice", "month", figure) - own["month"]
        found.append({"target": f"a month / everything, {figure}", "measured": month / full, "limit": 0.2})
        found.append(
            {
                "target": f"a month of twice the history / of it, {figure}",
                "measured": twice / month,
                "limit": 1 + NOISE,
            }
        )
    peak = median("history", "full", "peak") / 3000
    found.append({"target": "peak of everything / 3 GB", "measured": peak, "limit": 1.0})
    return [each | {"kept": each["measured"] <= each["limit"]} for each in found]


def show(result: dict[str, Any]) -> None:
    for target in result["targets"]:
        verdict = "pass" if target["kept"] else "FAIL"
        print(f"{verdict:6}{target['target']:50}{target['measured']:8.2f}  limit {target['limit']:g}")


if __name__ == "__main__":
    main()
