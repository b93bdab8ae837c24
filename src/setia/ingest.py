"""The simulated business in PostgreSQL: `init` makes its tables and first history, `ingest` goes on."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from setia import postgres, simulation
from setia.errors import UsageError
from setia.schema import Business
from setia.simulation import Plan

Progress = Callable[[int, int], None]
SLICE_ROWS = 200_000


@dataclass(frozen=True)
class History:
    """A simulated history in PostgreSQL: how far it reaches, and the rows written just now per table."""

    until: datetime
    rows: dict[str, int]


def init(dsn: str, business: Business, plan: Plan, progress: Progress | None = None) -> History:
    """Makes the tables and writes the plan's whole history, in one transaction.

    Done before with the same plan: nothing happens. With another plan: UsageError, nothing is changed.
    """
    with postgres.transaction(dsn) as cursor:
        postgres.create(cursor, business)
        there = postgres.read_state(cursor, business)
        if there is not None:
            if _plan(there[0]) != plan:
                raise UsageError(
                    f"{business.name} holds another history already: {there[0]}.",
                    f"Asked for: {_text(plan)}.",
                    "Repeat it with the same numbers, or use an empty home:  setia --home DIR init ...",
                )
            return History(there[1], {})
        for table in business.tables:
            _require_empty(cursor, business, table.name)
            cursor.execute(f'lock table "{business.name}"."{table.name}" in exclusive mode')
        writer = _Slices(cursor, business)
        until = simulation.midnight(plan.end)
        simulator = simulation.simulator_of(business.name)
        state = simulation.replay(simulator, plan, until, writer.add, progress)
        writer.close()
        postgres.write_state(cursor, business, _text(plan), until, simulation.freeze(state))
    return History(until, writer.rows)


def ingest(
    dsn: str,
    business: Business,
    hours: int | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> History:
    """Goes on with the history for `hours`, or up to `until`, in one transaction.

    However the time is cut into calls, the tables end the same. `until` in the past does nothing.
    """
    with postgres.transaction(dsn) as cursor:
        there = postgres.read_state(cursor, business)
        if there is None:
            raise UsageError(
                f"{business.name} has no simulated history to go on with.",
                "init makes the first one.",
                f"setia init {business.name}",
            )
        plan, start = _plan(there[0]), there[1]
        end = until if until is not None else start + timedelta(hours=hours or 0)
        state, at = simulation.thaw(there[2]), start
        simulator = simulation.simulator_of(business.name)
        rows: dict[str, int] = {}
        while at < end:
            upto = min(end, at + timedelta(days=1))
            upserts, state = simulation.window(simulator, plan, state, at, upto)
            for name, table in upserts.items():
                postgres.upsert(cursor, business, business.table(name), table)
                rows[name] = rows.get(name, 0) + table.num_rows
            at = upto
            if progress:
                progress(int((at - start).total_seconds()), int((end - start).total_seconds()))
        if at > start:
            postgres.write_state(cursor, business, there[0], at, simulation.freeze(state))
    return History(at, rows)


def _require_empty(cursor: Any, business: Business, table: str) -> None:
    cursor.execute(f'select exists (select 1 from "{business.name}"."{table}")')
    if cursor.fetchone()[0]:
        raise UsageError(
            f"{business.name}.{table} holds rows that no simulation wrote.",
            "A simulated history is only written into empty tables, never among real rows.",
            f"Load what is there (setia run {business.name}), or use another database or the embedded one.",
        )


class _Slices:
    """Gathers the replay's daily slices, so that PostgreSQL gets a few large copies."""

    def __init__(self, cursor: Any, business: Business) -> None:
        self.cursor, self.business = cursor, business
        self.waiting: dict[str, list[pa.Table]] = {}
        self.rows: dict[str, int] = {}

    def add(self, name: str, rows: pa.Table) -> None:
        """Takes a slice of a table; what the replay says of planted rows is not the source's."""
        if name == "planted":
            return
        self.waiting.setdefault(name, []).append(rows)
        if sum(each.num_rows for each in self.waiting[name]) >= SLICE_ROWS:
            self._write(name)

    def close(self) -> None:
        """Writes what still waits."""
        for name in list(self.waiting):
            self._write(name)

    def _write(self, name: str) -> None:
        rows = pa.concat_tables(self.waiting.pop(name), promote_options="permissive")
        postgres.append(self.cursor, self.business, name, rows)
        self.rows[name] = self.rows.get(name, 0) + rows.num_rows


def _text(plan: Plan) -> str:
    return json.dumps(asdict(plan), default=str, sort_keys=True)


def _plan(text: str) -> Plan:
    values = json.loads(text)
    return Plan(**(values | {"start": date.fromisoformat(values["start"])}))
