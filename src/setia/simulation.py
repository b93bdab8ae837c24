"""What both simulated businesses share: seeded streams, day steps, hour windows and the files written.

A business is a module `setia.<business>.simulate` with four functions (see `Simulator`). It thinks in whole
local days; instants are int64 microseconds UTC. `step` returns every version of a row that the day decided,
also those that the source writes later (`_at` beyond the day): keeping them until they are due is done here,
in `State.pending`, so that a business never reads or writes `pending` after `begin`.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, cast
from zipfile import BadZipFile
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from setia.errors import SourceError, UsageError
from setia.plan import Plan
from setia.simulation_files import Files
from setia.simulation_rows import (
    DAY,
    INSTANT,
    MONEY,
    NEVER,
    NO_DATE,
    PLANTED,
    arrow_column,
    arrow_schema,
    content,
    instants,
    newest,
    pc,
    plain,
    planted_rows,
    source_columns,
    versions,
)

__all__ = [
    "DAY", "INSTANT", "MONEY", "NEVER", "NO_DATE", "PLANTED", "ZONE", "Day", "Plan", "Simulator", "State",
    "arrivals", "arrow_column", "arrow_schema", "day_number", "freeze", "micros", "midnight", "planted_rows",
    "replay", "simulate", "simulator_of", "stream", "thaw", "versions", "window",
]  # fmt: skip

ZONE = ZoneInfo("Asia/Jakarta")
Progress = Callable[[int, int], None]
Emit = Callable[[str, pa.Table], None]


@dataclass
class State:
    """Everything that decides the future from the start of local day `day`; `step` changes it in place."""

    day: date
    arrays: dict[str, np.ndarray[Any, Any]]
    pending: dict[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Day:
    """What one day brings.

    `events`: row versions with `_at` (when the source writes it, which is also its `updated_at`) and `_until`
    (the `_at` of the next version of that row; NULL for the last). Later versions of the row are included.
    `changes`: upserts of slow tables with `_at` inside the day.
    `planted`: (table, key, kind) of each row made dirty; all versions of that row carry the dirt.
    """

    events: dict[str, pa.Table]
    changes: dict[str, pa.Table]
    planted: pa.Table


class Simulator(Protocol):
    """What a business offers; a module with these functions is one."""

    def begin(self, plan: Plan) -> State:
        """The state at the start of `plan.start`; rows there are by then wait in `pending`, `_at` before."""

    def step(self, plan: Plan, state: State) -> Day:
        """Advance `state` by one local day and say what happened."""

    def slow(self, plan: Plan, state: State) -> dict[str, pa.Table]:
        """Full content, at the start of the state's day, of the tables that `changes` speaks of."""

    def truth(self, plan: Plan, state: State) -> dict[str, pa.Table]:
        """What really is behind the data, at the start of the state's day."""


def stream(seed: int, name: str, day: date | int) -> np.random.Generator:
    """A generator that depends on these three alone: any day of any name can be drawn by itself."""
    number = day if isinstance(day, int) else day.toordinal()
    digest = blake2b(f"{seed}/{name}/{number}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype="<u8").astype(np.uint64)))


def midnight(day: date) -> datetime:
    """The instant at which that local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def micros(instant: date | datetime) -> int:
    """Microseconds since 1970 UTC of an aware instant, or of a local day's midnight."""
    at = instant if isinstance(instant, datetime) else midnight(instant)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def day_number(day: date) -> int:
    """Days since 1970-01-01: what arrays of dates hold."""
    return day.toordinal() - 719_163


@lru_cache(maxsize=8)
def _arrivals(plan: Plan) -> tuple[np.ndarray[Any, Any], float]:
    days = [plan.start + timedelta(days=number) for number in range(plan.days)]
    growth = 0.35 + 0.65 * np.linspace(0, 1, plan.days) ** 1.2
    swing = np.array([_swing(plan, day) for day in days])
    total = np.cumsum(growth * swing)
    edges = np.floor(total / total[-1] * plan.customers + 1e-9).astype(np.int64)
    return np.diff(edges, prepend=0), float(plan.customers / total[-1])


def _swing(plan: Plan, day: date) -> float:
    weekday = (0.95, 0.92, 0.94, 0.97, 1.05, 1.12, 1.05)[day.weekday()]
    season = 1 + 0.18 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 350) / 365.25)
    return weekday * float(season) * float(stream(plan.seed, "arrival_noise", day).lognormal(0, 0.1))


def arrivals(plan: Plan, day: date) -> int:
    """How many customers arrive that day: `plan.customers` in all within the plan, then at its final rate."""
    number = (day - plan.start).days
    counts, rate = _arrivals(plan)
    if 0 <= number < len(counts):
        return int(counts[number])
    return int(stream(plan.seed, "arrivals", day).poisson(rate * _swing(plan, day)))


def _keep_pending(state: State, tables: Mapping[str, pa.Table], since: int) -> None:
    """Put aside the versions that the source writes at or after `since`."""
    for name, rows in tables.items():
        later = instants(rows, "_at") >= since
        if later.any():
            kept = plain(rows.filter(pa.array(later)))
            waiting = state.pending.get(name)
            state.pending[name] = kept if waiting is None else pa.concat_tables([waiting, kept])


def _stepped(simulator: Simulator, plan: Plan, state: State) -> Day:
    before = state.day
    day = simulator.step(plan, state)
    if state.day != before + timedelta(days=1):
        raise RuntimeError(f"{simulator} stepped from {before} to {state.day}, not by one day")
    return day


def window(
    simulator: Simulator, plan: Plan, state: State, start: datetime, end: datetime
) -> tuple[dict[str, pa.Table], State]:
    """The upserts of [start, end) and the state at `end`; the given state is not changed.

    One row a key and table. Windows may cut time anywhere: applied in order they leave the same rows.
    `start` is where the last window, or `replay`, ended; nothing older than it is left in the state.
    """
    if end < start:
        raise UsageError(
            f"The window ends at {end}, before its start {start}.", "Time goes forward.", "Swap the two."
        )
    cut = micros(end)
    after = State(state.day, {name: a.copy() for name, a in state.arrays.items()}, dict(state.pending))
    while midnight(after.day) < end:
        day = _stepped(simulator, plan, after)
        _keep_pending(after, {**day.events, **day.changes}, NEVER)
    upserts, waiting = {}, {}
    for name, rows in after.pending.items():
        due = instants(rows, "_at") < cut
        if due.any():
            upserts[name] = source_columns(newest(rows.filter(pa.array(due))))
        if not due.all():
            waiting[name] = rows.filter(pa.array(~due)).combine_chunks()
    after.pending = waiting
    return upserts, after


def replay(
    simulator: Simulator, plan: Plan, until: datetime, emit: Emit, progress: Progress | None = None
) -> State:
    """Emit, day by day, the content that all tables have at `until`; returns the state for `window`.

    Events come first, in slices; slow tables come whole, at the end. What is dirty among them comes under
    the name `planted`. Memory does not grow with the length of the history.
    """
    state, cut = simulator.begin(plan), micros(until)
    total = max(1, -((micros(plan.start) - cut) // DAY))
    while midnight(state.day + timedelta(days=1)) <= until:
        _emit_day(_stepped(simulator, plan, state), cut, state, emit)
        if progress:
            progress((state.day - plan.start).days, total)
    slow = simulator.slow(plan, state)
    if midnight(state.day) < until:
        day = _stepped(simulator, plan, state)
        _emit_day(day, cut, state, emit)
        slow = {name: _updated(rows, day.changes.get(name), cut) for name, rows in slow.items()}
    for name, rows in slow.items():
        emit(name, source_columns(rows))
    waiting = {
        name: rows.filter(pa.array(instants(rows, "_at") >= cut)) for name, rows in state.pending.items()
    }
    state.pending = {name: rows for name, rows in waiting.items() if rows.num_rows}
    return state


def _emit_day(day: Day, cut: int, state: State, emit: Emit) -> None:
    _keep_pending(state, {**day.events, **day.changes}, cut)
    planted = day.planted
    for name, rows in day.events.items():
        there = content(rows, cut)
        if there.num_rows:
            emit(name, source_columns(there))
    for name, rows in {**day.events, **day.changes}.items():
        planted = _without_unwritten(planted, name, rows, cut)
    if planted.num_rows:
        emit("planted", planted)


def _without_unwritten(planted: pa.Table, name: str, rows: pa.Table, cut: int) -> pa.Table:
    """Leave out what is planted in rows that the source has not written by then."""
    late = instants(rows, "_at") >= cut
    if not late.any():
        return planted
    keys = rows.column(0).to_numpy()
    unwritten = np.setdiff1d(keys[late], keys[~late])
    gone = pc.and_(
        pc.equal(planted.column("table"), name),
        pc.is_in(planted.column("key"), value_set=pa.array(unwritten, pa.int64())),
    )
    return planted.filter(pc.invert(gone))


def _updated(rows: pa.Table, changes: pa.Table | None, cut: int) -> pa.Table:
    """A slow table after the changes written before the cut."""
    if changes is None:
        return rows
    written = source_columns(newest(plain(changes.filter(pa.array(instants(changes, "_at") < cut)))))
    old = plain(source_columns(rows))
    kept = old.filter(pc.invert(pc.is_in(old.column(0), value_set=written.column(0).combine_chunks())))
    both = pa.concat_tables([kept, written.cast(kept.schema)])
    return both.sort_by(both.column_names[0])


def freeze(state: State) -> bytes:
    """The state as bytes, without pickle: numpy's npz, with Arrow IPC for what is pending."""
    parts = {f"array/{name}": values for name, values in state.arrays.items()}
    for name, waiting in sorted(state.pending.items()):
        # In one order, however the windows were cut: the same state is the same bytes.
        rows = waiting.sort_by(
            [(waiting.column_names[0], "ascending"), ("_at", "ascending")]
        ).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        parts[f"pending/{name}"] = np.frombuffer(sink.getvalue().to_pybytes(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{"day": np.array(state.day.toordinal()), **parts})
    return buffer.getvalue()


def thaw(frozen: bytes) -> State:
    """The state that `freeze` was given; SourceError when the bytes are not one."""
    try:
        with np.load(io.BytesIO(frozen), allow_pickle=False) as parts:
            values = {name: parts[name] for name in parts.files}
        state = State(date.fromordinal(int(values.pop("day"))), {})
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise SourceError(
            f"The simulation's saved state can't be read ({error}).",
            "It is the bytes that the last `setia init` or `setia ingest` wrote.",
            "Start again with `setia init` in an empty home.",
        ) from error
    for name, array in values.items():
        kind, _, key = name.partition("/")
        if kind == "array":
            state.arrays[key] = array
        else:
            state.pending[key] = pa.ipc.open_stream(pa.py_buffer(array)).read_all()
    return state


def simulator_of(business: str) -> Simulator:
    """The simulator of a business; UsageError when there is none of that name."""
    if not business.isidentifier() or find_spec(f"setia.{business}") is None:
        raise UsageError(
            f"{business!r} is not a business that can be simulated.",
            "There are movie_streaming and ecommerce.",
            "Name one of them: setia simulate movie_streaming",
        )
    return cast("Simulator", import_module(f"setia.{business}.simulate"))


def simulate(
    business: str,
    plan: Plan,
    out: Path,
    format: Literal["parquet", "csv"] = "parquet",
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write a business's files and its ground truth into `out`; returns the rows of each table.

    The same plan gives the same bytes. `source.json` is written last: a folder without it is unfinished.
    """
    simulator = simulator_of(business)
    tables = import_module(f"setia.{business}.tables").TABLES
    until = midnight(plan.end)
    try:
        (out / "ground_truth").mkdir(parents=True, exist_ok=True)
        (out / "source.json").unlink(missing_ok=True)
        with Files(out, {t.name: arrow_schema(t) for t in tables}, format, plan.dirt / 5) as files:
            files.draw = lambda name, part: stream(plan.seed, f"duplicates/{name}", part)
            state = replay(simulator, plan, until, files.add, progress)
            for name, rows in simulator.truth(plan, state).items():
                files.add_truth(name, rows)
        about = {"business": business, "seed": plan.seed, "customers": plan.customers, "months": plan.months}
        text = json.dumps({**about, "covered_until": until.isoformat()}, indent=2) + "\n"
        (out / "source.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"The simulated files can't be written to {out} ({error}).",
            "The folder must be writable and have room.",
            "Free some space, or name another folder with --out.",
        ) from error
    return dict(files.rows)
