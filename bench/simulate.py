"""Rows per second of both simulators beside Faker row by row, interleaved, each run in a process of its own.

    python bench/simulate.py [--customers 100000] [--months 24] [--repeats 3] [--json]

Faker makes the same columns, in the simulator's mix of tables, for a sample of rows; it keeps them in memory,
without states, references or files, which is the easier half of the work.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from faker import Faker

from setia.schema import Column, Table
from setia.simulation import Plan, simulate

BUSINESSES = ("movie_streaming", "ecommerce")
FAKER_ROWS = 3_000


def run_setia(business: str, customers: int, months: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        rows = simulate(business, Plan(seed=7, customers=customers, months=months), Path(folder))
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {"rows": sum(rows.values()), "seconds": seconds, "tables": rows, "megabytes": size / 1e6}


def run_faker(business: str, shares: dict[str, float]) -> dict[str, Any]:
    fake = Faker("id_ID")
    fake.seed_instance(7)
    tables: tuple[Table, ...] = import_module(f"setia.{business}.tables").TABLES
    started = time.perf_counter()
    made = []
    for table in tables:
        for number in range(max(1, round(FAKER_ROWS * shares[table.name]))):
            made.append({column.name: fake_value(fake, column, number) for column in table.columns})
    return {"rows": len(made), "seconds": time.perf_counter() - started}


def fake_value(fake: Faker, column: Column, number: int) -> object:
    named: dict[str, Callable[[], object]] = {
        "email": fake.email,
        "first_name": fake.first_name,
        "last_name": fake.last_name,
        "name": fake.name,
        "city": fake.city,
        "country": fake.country_code,
        "review_text": fake.sentence,
    }
    if column.name in named:
        return named[column.name]()
    if column.values:
        return fake.random_element(column.values)
    typed: dict[str, Callable[[], object]] = {
        "key": lambda: fake.random_int(1, 1_000_000),
        "string": fake.word,
        "integer": lambda: fake.random_int(0, 1_000),
        "decimal": lambda: fake.pydecimal(left_digits=6, right_digits=2, positive=True),
        "float": fake.pyfloat,
        "boolean": fake.pybool,
        "date": fake.date_this_decade,
        "timestamp": fake.date_time_this_decade,
    }
    return typed[column.type]()


def child(arguments: dict[str, Any]) -> dict[str, Any]:
    """Run one side in a new process; returns its figures with the peak of its memory."""
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def in_child(arguments: dict[str, Any]) -> None:
    side = run_setia if arguments.pop("side") == "setia" else run_faker
    figures = side(**arguments)
    unit = 1 if sys.platform == "darwin" else 1024
    figures["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(json.dumps(figures))


def compare(business: str, customers: int, months: int, repeats: int) -> dict[str, Any]:
    """Both sides in turn, `repeats` times; medians, and how many times faster Setia is."""
    ours, theirs = [], []
    for _ in range(repeats):
        arguments = {"business": business, "customers": customers, "months": months}
        ours.append(child({"side": "setia", **arguments}))
        total = ours[-1]["rows"]
        shares = {name: rows / total for name, rows in ours[-1]["tables"].items()}
        theirs.append(child({"side": "faker", "business": business, "shares": shares}))
    speed = [statistics.median(run["rows"] / run["seconds"] for run in side) for side in (ours, theirs)]
    return {
        "business": business,
        "rows": ours[0]["rows"],
        "seconds": round(statistics.median(run["seconds"] for run in ours), 2),
        "setia_rows_per_second": round(speed[0]),
        "faker_rows_per_second": round(speed[1]),
        "times_faster": round(speed[0] / speed[1], 1),
        "setia_peak_megabytes": round(max(run["peak_megabytes"] for run in ours)),
        "files_megabytes": round(ours[0]["megabytes"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--business", choices=BUSINESSES, action="append")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        in_child(json.loads(options.child))
        return
    results = [
        compare(business, options.customers, options.months, options.repeats)
        for business in options.business or BUSINESSES
    ]
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for one in results:
        print(
            f"{one['business']}: {one['rows']:,} rows in {one['seconds']} s = "
            f"{one['setia_rows_per_second']:,} rows/s; Faker row by row {one['faker_rows_per_second']:,} rows/s; "
            f"{one['times_faster']:,} times faster; peak {one['setia_peak_megabytes']} MB"
        )


if __name__ == "__main__":
    main()
