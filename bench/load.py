"""Loading PostgreSQL into DuckDB: Setia beside PostgreSQL's own limit and the peers, in turn, rows compared.

    python bench/load.py [--sessions 5000000] [--repeats 3] [--peers copy,setia,dlt,ingestr] [--json]
                         [--memory] [--growth] [--folder DIR]

A full load of watch sessions, users and movies into an empty warehouse; then 1 % of the sessions change,
half of them updated and half new, and every side loads what changed. Each load is a process of its own.
CPU is that of the client's processes and of the server together. What every side holds afterwards is
compared with PostgreSQL, values and types; a difference ends with code 1. --memory and --growth add Setia
at twice the sessions, with as many changed rows. A side that can't be had, or whose load fails, is named as
not run, with the reason.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from shutil import rmtree
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from adbc_driver_postgresql.dbapi import connect

import load_peers
from load_peers import KEYS, SCHEMA, SIDES, Place, Unavailable
from setia import embedded, postgres
from setia.businesses import BUSINESSES
from setia.data_folder import programs

BUSINESS = BUSINESSES[SCHEMA]
COLUMNS = {name: [column.name for column in BUSINESS.table(name).columns] for name in KEYS}
SEED = 7
MOVIES = 10_000
CHUNK = 250_000
YEAR = 365 * 86_400_000_000  # microseconds
BEGIN = 1_704_067_200_000_000  # 2024-01-01; users joined in the two years before, sessions are of this year
TEXTS = {
    "name": ("Siti Nurhayati", "Zoë Ångström", "山田太郎", "O'Brien", "Мария", "", None),
    "email": ("siti@example.com", "zoë@example.org", ""),
    "country": ("ID", "SE", "JP", None),
    "city": ("Jakarta", "Umeå", "東京", ""),
    "subscription_status": ("active", "inactive"),
    "title": ("Dilan 1990", "Amélie", "千と千尋の神隠し", "", None),
    "genre": ("Drama", "Comédie|Drama", "スリラー"),
    "language": ("id", "en", "日本語", None),
    "device_type": ("mobile", "smart_tv", "desktop", "tablet", "télévision", "", None),
}
TYPES = {
    "key": "BIGINT",
    "string": "VARCHAR",
    "integer": "BIGINT",
    "decimal": "DECIMAL(18,4)",
    "float": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
SUMS = {
    # PostgreSQL's sum of a column and DuckDB's: exact, so that both give the same text.
    "key": ("sum({})", "sum({})"),
    "integer": ("sum({})", "sum({})"),
    "string": ("sum(octet_length({}))", "sum(strlen({}))"),
    "decimal": ("sum({})::numeric(38, 6)", "sum({})::decimal(38, 6)"),
    "float": ("sum({}::numeric)::numeric(38, 6)", "sum({}::decimal(18, 6))::decimal(38, 6)"),
    "date": ("sum({} - date '1970-01-01')", "sum(date_diff('day', date '1970-01-01', {}))"),
    "timestamp": ("sum((extract(epoch from {}) * 1000000)::bigint)", "sum(epoch_us({}))"),
}
FIGURES = ("wall", "cpu", "client_cpu", "server_cpu", "peak", "file")
TWICE = "setia 2x"
NOISE = 0.1  # what medians of equal loads differ by on a machine that does other things too
STARTED = time.monotonic()


@dataclass(frozen=True)
class Source:
    """A running server that holds `sessions` sessions when nothing has changed yet."""

    dsn: str
    postmaster: int
    sessions: int


def say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:7.1f} s  {text}", file=sys.stderr, flush=True)


def make(dsn: str, sessions: int) -> None:
    """The tables with their rows; of a run before, what it added is taken out."""
    with postgres.transaction(dsn) as cursor:
        postgres.create(cursor, BUSINESS)
        cursor.execute(f"select exists (select from {SCHEMA}.watch_sessions)")
        if cursor.fetchone()[0]:
            cursor.execute(f"delete from {SCHEMA}.watch_sessions where session_id > {sessions}")
        else:
            postgres.append(cursor, BUSINESS, "movies", movies())
            postgres.append(cursor, BUSINESS, "users", users(sessions // 25))
            for rows in session_chunks(1, sessions, sessions):
                postgres.append(cursor, BUSINESS, "watch_sessions", rows)
    # A vacuum that starts by itself in the middle of a load would be counted as the load's.
    off = [f"alter table {SCHEMA}.{table} set (autovacuum_enabled = off)" for table in KEYS]
    tend(dsn, *off, "vacuum analyze", "checkpoint")


def change(source: Source, rows: int, number: int) -> str:
    """Updates half of `rows` sessions, adds the other half, and returns the newest `updated_at` of before."""
    step = source.sessions // (rows // 2)
    with postgres.transaction(source.dsn) as cursor:
        cursor.execute(
            "select max(session_id), (extract(epoch from max(updated_at)) * 1000000)::bigint,"
            " to_char(max(updated_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
            f" from {SCHEMA}.watch_sessions"
        )
        last, newest, since = cursor.fetchone()
        instant = newest + 3_600_000_000
        cursor.execute(
            f"update {SCHEMA}.watch_sessions set completion_rate = round(1 - completion_rate::numeric, 4),"
            f" updated_at = timestamptz 'epoch' + {instant} * interval '1 microsecond'"
            f" where session_id <= {source.sessions} and session_id % {step} = {number % step}"
        )
        for added in session_chunks(last + 1, last + rows - rows // 2, source.sessions, instant):
            postgres.append(cursor, BUSINESS, "watch_sessions", added)
    # The first to read the changed pages would clean them up for the others.
    tend(source.dsn, f"vacuum {SCHEMA}.watch_sessions", "checkpoint")
    return str(since)


def tend(dsn: str, *statements: str) -> None:
    """Runs what can't run in a transaction."""
    with connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def users(count: int) -> pa.Table:
    random = np.random.default_rng([SEED, 1])
    joined = BEGIN - random.integers(1, 2 * YEAR, count)
    values = {"user_id": np.arange(1, count + 1), "join_date": dates(joined), "updated_at": instants(joined)}
    return filled("users", random, values, count)


def movies() -> pa.Table:
    random = np.random.default_rng([SEED, 2])
    released = BEGIN - random.integers(1, 20 * YEAR, MOVIES)
    values = {
        "movie_id": np.arange(1, MOVIES + 1),
        "release_year": 1970 + released // YEAR,
        "duration_min": decimals(random.integers(30, 240, MOVIES)),
        "available_from": dates(released),
        "available_to": pa.nulls(MOVIES, pa.date32()),
        "license_cost": decimals(random.integers(1, 10**9, MOVIES)),
        "updated_at": instants(released),
    }
    return filled("movies", random, values, MOVIES)


def session_chunks(first: int, last: int, sessions: int, updated_at: int | None = None) -> Iterator[pa.Table]:
    """The sessions of these ids; they begin one after another, `sessions` of them in a year."""
    for start in range(first, last + 1, CHUNK):
        count = min(CHUNK, last + 1 - start)
        random = np.random.default_rng([SEED, 3, start])  # any part comes out the same by itself
        ids = np.arange(start, start + count)
        began = BEGIN + ids * (YEAR // sessions) + random.integers(0, YEAR // sessions, count)
        ended = began + random.integers(60_000_000, 4 * 3_600_000_000, count)
        values = {
            "session_id": ids,
            "user_id": random.integers(1, sessions // 25 + 1, count),
            "movie_id": (random.random(count) ** 3 * MOVIES).astype(np.int64) + 1,  # few titles have most
            "start_time": instants(began),
            "end_time": instants(ended, random.random(count) < 0.03),
            "completion_rate": pa.array(random.random(count).round(4), mask=random.random(count) < 0.03),
            "updated_at": instants(ended + 1 if updated_at is None else np.full(count, updated_at)),
        }
        yield filled("watch_sessions", random, values, count)


def filled(name: str, random: np.random.Generator, values: dict[str, Any], count: int) -> pa.Table:
    """A table of these columns and, where a text column is missing, of words of TEXTS."""
    for column in COLUMNS[name]:
        if column not in values:
            words = pa.array(TEXTS[column], pa.string())
            values[column] = words.take(random.integers(0, len(words), count))
    return pa.table({column: values[column] for column in COLUMNS[name]})


def instants(microseconds: Any, is_null: Any = None) -> "pa.Array[Any]":
    return pa.array(microseconds, pa.int64(), mask=is_null).cast(pa.timestamp("us", "UTC"))


def dates(microseconds: Any) -> "pa.Array[Any]":
    return instants(microseconds).cast(pa.date32())


def decimals(whole: Any) -> "pa.Array[Any]":
    return pa.array(whole, pa.int64()).cast(pa.decimal128(22, 0)).cast(pa.decimal128(18, 4), safe=False)


def difference(source: Source, load: load_peers.Load) -> str | None:
    """Where the warehouse holds other rows or types than PostgreSQL; None when nowhere."""
    with duckdb.connect(str(load.warehouse), read_only=True) as connection:
        for name in KEYS:
            relation = load.tables.format(name)
            types = {row[0]: row[1] for row in connection.execute(f"describe {relation}").fetchall()}
            for column in BUSINESS.table(name).columns:
                if (found := types.get(column.name)) != TYPES[column.type]:
                    return f"{relation}.{column.name} is {found}, not {TYPES[column.type]}"
            labels, query = summary(name, f"{SCHEMA}.{name}", 0)
            with postgres.transaction(source.dsn) as cursor:
                cursor.execute(query)
                right = cursor.fetchone()
            held = connection.execute(summary(name, relation, 1)[1]).fetchone() or ()
            for label, theirs, ours in zip(labels, held, right, strict=True):
                if theirs != ours:
                    return f"{label} in {relation} is {theirs}, in PostgreSQL {ours}"
    return None


def summary(name: str, relation: str, engine: int) -> tuple[list[str], str]:
    """What is compared of a table, and the query that gives it as texts (engine 0: PostgreSQL, 1: DuckDB)."""
    labels, values = ["rows"], ["count(*)"]
    for column in BUSINESS.table(name).columns:
        labels += [f"count of {column.name}", f"sum of {column.name}"]
        values += [f"count({column.name})", SUMS[column.type][engine].format(column.name)]
    return labels, f"select {', '.join(f'cast({value} as varchar)' for value in values)} from {relation}"


class Bench:
    """The sides that run, what they cost, and why the others do not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources: dict[str, Source] = {}
        self.runs: list[dict[str, Any]] = []
        self.not_run: dict[str, str] = {}
        self.differences: dict[str, str] = {}

    def add(self, side: str, source: Source) -> None:
        """Takes a side in, its programs installed."""
        say(f"{side}: install")
        try:
            load_peers.install(side, self.folder / "tools")
            self.sources[side] = source
        except Unavailable as error:
            self.drop(side, str(error))

    def drop(self, side: str, reason: str) -> None:
        """Leaves a side out from now on."""
        say(f"{side} not run: {reason}")
        self.not_run[side] = reason
        self.sources.pop(side, None)

    def round(self, mode: str, since: dict[Source, str] | None = None) -> None:
        """Every side once, in turn; after a change since the newest `updated_at` of before."""
        for side, source in list(self.sources.items()):
            home = self.folder / "homes" / side
            if mode == "full":
                rmtree(home, ignore_errors=True)
                home.mkdir(parents=True)
            place = Place(source.dsn, home, self.folder / "tools", programs(), COLUMNS)
            load = SIDES[side.partition(" ")[0]](place, since[source] if since else None)
            try:
                cost = load_peers.run(load, source.postmaster, home / "log")
            except Unavailable as error:
                self.drop(side, str(error))
                continue
            size = sum(path.stat().st_size for path in home.glob("**/*.duckdb*")) / 1e6
            self.runs.append({"side": side, "mode": mode, **cost, "file": size})
            say(f"{side} {mode}: {cost['wall']:.2f} s, CPU {cost['cpu']:.2f} s, peak {cost['peak']:,.0f} MB")
            if load.warehouse and (found := difference(source, load)):
                self.differences[f"{side} {mode}"] = found
                say(f"{side} {mode} DIFFERS: {found}")

    def median(self, side: str, mode: str, figure: str) -> float | None:
        """None when the side has not run."""
        values = [run[figure] for run in self.runs if (run["side"], run["mode"]) == (side, mode)]
        return statistics.median(values) if values else None

    def ratio(self, figure: str, above: tuple[str, str], below: tuple[str, str]) -> float | None:
        """Of two medians, each named by (side, mode)."""
        over, under = self.median(*above, figure), self.median(*below, figure)
        return over / under if over is not None and under else None


def targets(bench: Bench) -> list[dict[str, Any]]:
    """What Setia promises, what was measured (None: not measured), and whether it is kept."""
    full, part = ("setia", "full"), ("setia", "incremental")
    rows: list[dict[str, Any]] = []

    def add(text: str, measured: float | None, limit: float, at_least: bool = False) -> None:
        is_kept = None if measured is None else measured >= limit if at_least else measured <= limit
        sign = ">=" if at_least else "<="
        rows.append({"target": f"{text} {sign} {limit:g}", "measured": measured, "kept": is_kept})

    for figure in ("cpu", "wall"):
        add(f"full load / copy, {figure}", bench.ratio(figure, full, ("copy", "full")), 2.5)
        peers = [bench.ratio(figure, (side, "full"), full) for side in SIDES if side.startswith("dlt")]
        fastest = min((ratio for ratio in peers if ratio is not None), default=None)
        add(f"dlt's fastest full load / Setia's, {figure}", fastest, 5, at_least=True)
        add(f"load of 1 % / full load, {figure}", bench.ratio(figure, part, full), 0.2)
    twice = bench.ratio("cpu", (TWICE, "incremental"), part)
    add("load of the same change at twice the sessions, cpu", twice, 1 + NOISE)
    add("peak at twice the sessions, full load", bench.ratio("peak", (TWICE, "full"), full), 1.25)
    return rows


def figures(bench: Bench) -> list[dict[str, Any]]:
    """Medians of each side and mode, with their ratios to the limit and to Setia."""
    rows = []
    for side, mode in dict.fromkeys((run["side"], run["mode"]) for run in bench.runs):
        row = {figure: bench.median(side, mode, figure) for figure in FIGURES}
        for other, figure in product(("copy", "setia"), ("wall", "cpu")):
            ratio = bench.ratio(figure, (side, mode), (other, mode))
            row[f"{figure}_x_{other}"] = None if side == TWICE else ratio
        rows.append({"side": side, "mode": mode, **row})
    return rows


def show(bench: Bench) -> None:
    print("Medians: seconds, MB, and times copy or Setia\n")
    rows = figures(bench)
    print("".join(f"{head:>14}" for head in rows[0]))
    for row in rows:
        cells = (f"{value:,.2f}" if isinstance(value, float) else value or "-" for value in row.values())
        print("".join(f"{cell:>14}" for cell in cells))
    print()
    for target in targets(bench):
        verdict = {True: "pass", False: "FAIL", None: "not measured"}[target["kept"]]
        value = "" if target["measured"] is None else f"{target['measured']:.2f}"
        print(f"{verdict:14}{target['target']:60}{value:>8}")
    for side, reason in bench.not_run.items():
        print(f"{side}: not run: {reason}")
    for load, found in bench.differences.items():
        print(f"{load}: DIFFERS: {found}")


def open_source(stack: ExitStack, folder: Path, sessions: int) -> Source:
    say(f"make a server with {sessions:,} sessions")
    place = folder / f"postgres-{sessions}"
    dsn = stack.enter_context(embedded.server(place))
    postmaster = embedded.status(place).pid
    assert postmaster is not None
    make(dsn, sessions)
    return Source(dsn, postmaster, sessions)


def measure(bench: Bench, options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        sources = [open_source(stack, bench.folder, options.sessions)]
        for side in options.peers:
            bench.add(side, sources[0])
        if options.memory or options.growth:
            sources.append(open_source(stack, bench.folder, 2 * options.sessions))
            bench.add(TWICE, sources[1])
        for _ in range(options.repeats):
            bench.round("full")
        bench.sources.pop("copy", None)  # it has no load of what changed
        for number in range(options.repeats if bench.sources else 0):
            rows = max(2, options.sessions // 100)
            say(f"change {rows:,} sessions")
            changes = {source: change(source, rows, number) for source in sources}
            bench.round("incremental", changes)


def named_sides(text: str) -> list[str]:
    """The sides of a list such as copy,setia,dlt; dlt stands for all of its backends."""
    names = set(text.split(","))
    if unknown := names - {side.partition("_")[0] for side in SIDES}:
        raise argparse.ArgumentTypeError(f"no side is called {', '.join(sorted(unknown))}")
    return [side for side in SIDES if side.partition("_")[0] in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", type=named_sides, default="copy,setia,dlt,ingestr")
    parser.add_argument("--folder", type=Path, help="kept afterwards, so that the next run makes less")
    for flag in ("--memory", "--growth", "--json"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench((options.folder or Path(temporary)).resolve())
        measure(bench, options)
    if options.json:
        result = {"figures": figures(bench), "targets": targets(bench), "not_run": bench.not_run}
        print(json.dumps(result | {"differences": bench.differences, "runs": bench.runs}, indent=2))
    else:
        show(bench)
    sys.exit(1 if bench.differences or {"copy", "setia", TWICE} & bench.not_run.keys() else 0)


if __name__ == "__main__":
    main()
