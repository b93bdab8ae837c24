"""The record of committed loads, kept in raw itself so that it commits with the rows: `_batches`."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from duckdb import DuckDBPyConnection

from setia.schema import Business, Table
from setia.warehouses import literal, quote

# A day this far after every other, with next to no rows from there on, is a slip of the pen (trap B18).
OUTLIER_GAP = timedelta(days=730)
OUTLIER_SHARE = 0.001
DAYS_LOOKED_AT = 100


@dataclass(frozen=True)
class TableCounts:
    """What became of one table's rows: rows_in = loaded + quarantined + duplicates, always.

    `unchanged` are among the loaded. Apart from these: `released` came out of quarantine, `withdrawn` went
    there from raw because their parent left or changed, `deleted` are gone from the source.
    """

    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unchanged: int = 0
    released: int = 0
    withdrawn: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class Batch:
    """One committed load."""

    batch_id: int
    loaded_at: datetime
    source: str
    data_through: datetime | None
    tables: dict[str, TableCounts] = field(default_factory=dict)
    drift: tuple[dict[str, str], ...] = ()
    """Columns of the source that are new, dropped or retyped: table, column, change, outcome."""
    assumptions: tuple[dict[str, Any], ...] = ()
    """What was taken for granted: table, column, found, assumed, rows, settles, is_new."""
    reconciled: tuple[dict[str, Any], ...] = ()
    """Per table how the source and raw agree in the load's own snapshot, when that was asked."""

    def counts(self) -> dict[str, dict[str, int]]:
        """The counts per table as plain dictionaries."""
        return {name: asdict(counts) for name, counts in self.tables.items()}


def create(connection: DuckDBPyConnection, business: Business) -> None:
    """Makes the table of batches when it is not there."""
    connection.execute(
        f"create table if not exists {business.name}_raw._batches (batch_id bigint not null,"
        " loaded_at timestamptz not null, source varchar not null, data_through timestamptz,"
        " mark json not null, counts json not null, drift json, assumptions json)"
    )
    for column in ("drift", "assumptions"):
        connection.execute(f"alter table {business.name}_raw._batches add column if not exists {column} json")


def next_id(connection: DuckDBPyConnection, business: Business) -> int:
    """The number of the batch about to be made: 1, 2, 3..."""
    row = connection.execute(
        f"select coalesce(max(batch_id), 0) + 1 from {business.name}_raw._batches"
    ).fetchone()
    assert row is not None
    return int(row[0])


def record(connection: DuckDBPyConnection, business: Business, batch: Batch, mark: dict[str, Any]) -> None:
    """Writes the batch's row, in the transaction that wrote its rows."""
    through = f"timestamptz {literal(batch.data_through.isoformat())}" if batch.data_through else "null"
    lists = mark, batch.counts(), batch.drift, batch.assumptions
    source, *written = (literal(text) for text in (batch.source, *map(json.dumps, lists)))
    connection.execute(
        f"insert into {business.name}_raw._batches values ({batch.batch_id},"
        f" timestamptz {literal(batch.loaded_at.isoformat())}, {source}, {through}, {', '.join(written)})"
    )


def newest(connection: DuckDBPyConnection, business: Business) -> dict[str, Any] | None:
    """The last batch as a dictionary, `mark` and `counts` decoded; None before the first."""
    there = connection.execute(
        "select 1 from duckdb_tables() where table_name = '_batches'"
        f" and schema_name = {literal(business.name + '_raw')} and database_name = current_database()"
    ).fetchone()
    if there is None:
        return None
    row = connection.execute(
        "select batch_id, loaded_at, source, data_through, mark, counts"
        f" from {business.name}_raw._batches order by batch_id desc limit 1"
    ).fetchone()
    if row is None:
        return None
    names = ("batch_id", "loaded_at", "source", "data_through")
    return dict(zip(names, row[:4], strict=True)) | {"mark": json.loads(row[4]), "counts": json.loads(row[5])}


def assumed(connection: DuckDBPyConnection, business: Business) -> list[dict[str, Any]]:
    """What stands assumed: of each table what the last load that read it stated."""
    batches, found, left = f"{business.name}_raw._batches", {}, {table.name for table in business.tables}
    if "assumptions" not in connection.sql(f"from {batches}").columns:
        return []  # only loads of an earlier version were here
    read = connection.execute(
        f"select json_keys(mark, '$.columns'), assumptions from {batches} order by batch_id desc"
    )
    while left and (row := read.fetchone()):
        for table in left & set(row[0] or []):
            found[table] = [one for one in json.loads(row[1] or "[]") if one["table"] == table]
            left.remove(table)
    return [one for table in business.tables for one in found.get(table.name, [])]


def totals(connection: DuckDBPyConnection, business: Business) -> dict[str, dict[str, int]]:
    """Per table: all batches' counts added up, and the rows that raw and quarantine hold now."""
    sums: dict[str, dict[str, int]] = {}
    for (counts,) in connection.execute(f"select counts from {business.name}_raw._batches").fetchall():
        for table, figures in json.loads(counts).items():
            mine = sums.setdefault(table, {})
            for name, figure in figures.items():
                mine[name] = mine.get(name, 0) + figure
    for table in business.tables:
        row = connection.execute(
            f"select (select count(*) from {business.name}_raw.{table.raw} where _deleted_at is null),"
            f" (select count(*) from {business.name}_quarantine.{table.raw})"
        ).fetchone()
        assert row is not None
        sums.setdefault(table.name, {}).update(raw=row[0], quarantine=row[1])
    return sums


def data_through(connection: DuckDBPyConnection, business: Business, zone: str) -> datetime | None:
    """The newest instant that all event tables cover, exclusive; None when there is no event at all.

    The least of the tables' newest events (tables too sparse to tell speak only when alone), so that a
    table that lags behind holds the run back. Whole days when the events carry no time of day.
    """
    for sparse in (False, True):
        newest_events = [
            instant
            for table in business.tables
            if table.event and table.sparse == sparse
            if (instant := _newest_event(connection, business, table, zone)) is not None
        ]
        if newest_events:
            return min(newest_events)
    return None


def _newest_event(
    connection: DuckDBPyConnection, business: Business, table: Table, zone: str
) -> datetime | None:
    event, raw = quote(str(table.event)), f"{business.name}_raw.{table.raw}"
    latest = _latest(connection, raw, event, "true")
    if latest is None:
        return None
    end = _last_plausible_day(connection, raw, event, latest)
    if end < _number(latest):
        latest = _latest(connection, raw, event, f"{event} < {_day(end + 1)}")
    assert latest is not None
    recent = f"_deleted_at is null and {event} >= {_day(end - DAYS_LOOKED_AT)}"
    local = f"timezone({literal(zone)}, {event})"
    # Every zone's midnight is a quarter of an hour somewhere; only then is the calendar asked.
    for not_midnight in (f"epoch_us({event}) % 900000000 <> 0", f"{local} <> date_trunc('day', {local})"):
        with_time = connection.execute(
            f"select 1 from {raw} where {recent} and {not_midnight} limit 1"
        ).fetchone()
        if with_time:
            return latest + timedelta(microseconds=1)
    midnight = datetime.combine(latest.astimezone(ZoneInfo(zone)).date(), datetime.min.time(), ZoneInfo(zone))
    return midnight + timedelta(days=1)


def _latest(connection: DuckDBPyConnection, raw: str, event: str, condition: str) -> datetime | None:
    # The first of an order, and not the maximum: DuckDB then passes over blocks that can't hold it.
    row = connection.execute(
        f"select {event} from {raw} where _deleted_at is null and {event} is not null and {condition}"
        f" order by {event} desc limit 1"
    ).fetchone()
    return row[0] if row else None


def _last_plausible_day(connection: DuckDBPyConnection, raw: str, event: str, latest: datetime) -> int:
    """The newest day, counted from 1970 in UTC, that is no slip of the pen; `latest` is the newest event.

    Looks back a week, and further only while next to no rows were found: what it costs does not grow with
    the history where the warehouse has it in order.
    """
    newest = _number(latest)
    row = connection.execute(f"select count(*) from {raw} where _deleted_at is null").fetchone()
    allowed, days = max(1, int(OUTLIER_SHARE * (row[0] if row else 0))), []
    for back in (7, 70, 700, 100_000):
        days = connection.execute(
            f"select epoch_us({event}) // 86400000000, count(*) from {raw}"
            f" where _deleted_at is null and {event} >= {_day(newest - back)} group by 1 order by 1 desc"
        ).fetchall()
        if sum(count for _, count in days) > allowed:
            break
    place, beyond = 0, days[0][1]
    for index in range(1, min(len(days), DAYS_LOOKED_AT)):
        if beyond > allowed:
            break
        if days[index - 1][0] - days[index][0] > OUTLIER_GAP.days:
            place = index
        beyond += days[index][1]
    return int(days[place][0])


def _number(instant: datetime) -> int:
    """Its day since 1970 in UTC."""
    return int(instant.timestamp() // 86400)


def _day(number: int) -> str:
    """SQL of the instant at which that day since 1970 begins in UTC."""
    return f"make_timestamptz({number} * 86400000000)"


def after(connection: DuckDBPyConnection, business: Business, as_of: datetime) -> dict[str, int]:
    """Rows of each event table that are dated at or after `as_of`, which the models leave out."""
    counts = {}
    for table in business.tables:
        if table.event:
            row = connection.execute(
                f"select count(*) from {business.name}_raw.{table.raw}"
                f" where _deleted_at is null and {quote(table.event)} >= ?",
                [as_of],
            ).fetchone()
            counts[table.name] = int(row[0]) if row else 0
    return counts
