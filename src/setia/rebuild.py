"""Which months, days and users a transform has to rebuild: loads note what came and went, builds what they covered.

Three tables beside raw: `_changes` has the days and users of the rows that a batch brought or took away, old
versions included, for the tables that the models by month, day or user depend on; `_builds` has every build since
the last one that ended well; `_rebuilt_users` the users of the newest, and whether all of their past. A day or user
that neither names has the rows it had, so that building it again would change nothing. Whatever can't be told so
(other code, another zone, other types) rebuilds everything.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from duckdb import DuckDBPyConnection

from setia import __version__
from setia import as_of as instants
from setia.schema import Business, Table
from setia.settings import Settings
from setia.warehouses import literal, quote

INSTANT = timedelta(microseconds=1)
A_DAY = timedelta(days=1)
WINDOW = timedelta(days=29)
"""Beyond a month's end: a day counts in the 30 that end with it, and is the one before at the 31st."""
LOOK_BACK = timedelta(days=20)
"""What happens on a day may change what a user's days before it are called, at most so many: a late renewal's grace."""
SPANS = 31
"""Of days are looked for at most; where changes lie more scattered, their months are."""


@dataclass(frozen=True)
class Rebuilt:
    """What to rebuild: the first days of months, oldest first, and spans of days (the first, and the day after).

    Of those of `_rebuilt_users` of whom not all is, what lies on `users_since`, the first of a month, or later.
    """

    months: list[str]
    days: list[tuple[str, str]]
    users_since: str

    def variables(self) -> dict[str, Any]:
        """What tells dbt."""
        return {
            "rebuilt_months": self.months,
            "rebuilt_days": self.days,
            "rebuilt_users_since": self.users_since,
        }


def create(connection: DuckDBPyConnection, business: Business) -> None:
    """Makes what loads and builds write, when it is not there.

    Notes of another form, of an earlier Setia, are dropped with the builds that covered them: everything is rebuilt.
    """
    raw = f"{business.name}_raw"
    columns = connection.execute(
        "select list(column_name order by column_index) from duckdb_columns()"
        f" where database_name = current_database() and schema_name = {literal(raw)} and table_name = '_changes'"
    ).fetchone()
    if columns and columns[0] not in (None, ["batch_id", "table_name", "day", "key", "zone"]):
        connection.execute(f"drop table {raw}._changes; drop table if exists {raw}._builds")
    connection.execute(
        f"create table if not exists {raw}._changes (batch_id bigint not null,"
        " table_name varchar not null, day date, key varchar, zone varchar)"
    )
    connection.execute(
        f"create table if not exists {raw}._builds (started bigint not null,"
        " as_of timestamptz not null, batch_id bigint not null, fingerprint varchar not null, is_done boolean not null)"
    )


def note(
    connection: DuckDBPyConnection, business: Business, table: Table, batch: tuple[int, str], rows: str
) -> None:
    """Notes the local days of these rows (SQL of a relation), or their keys, each with its first day if rows have one.

    `batch` is its id and the reporting zone.
    """
    depends = business.rebuilt_by.get(table.name)
    if depends is None:
        return
    if depends.users:
        _note_keys(connection, business, table, batch, rows)
    _note_days(connection, business, table, batch, rows)


def _note_days(
    connection: DuckDBPyConnection, business: Business, table: Table, batch: tuple[int, str], rows: str
) -> None:
    days = business.rebuilt_by[table.name].days
    if days == "own":
        connection.execute(
            f"insert into {business.name}_raw._changes select distinct {batch[0]}, {literal(table.name)},"
            f" {_local_day(table, batch[1])}, null, {literal(batch[1])} from {rows}"
        )
    elif days != "all":
        _note_keys(connection, business, table, batch, rows)


def _note_keys(
    connection: DuckDBPyConnection, business: Business, table: Table, batch: tuple[int, str], rows: str
) -> None:
    key = quote(business.rebuilt_by[table.name].key or table.key)
    connection.execute(
        f"insert into {business.name}_raw._changes select {batch[0]}, {literal(table.name)},"
        f" min({_local_day(table, batch[1])}), cast({key} as varchar), {literal(batch[1])}"
        f" from (select * from {rows}) where {key} is not null group by {key}"
    )


def _local_day(table: Table, zone: str) -> str:
    instant = quote(table.event) if table.event else "cast(null as timestamptz)"
    return f"cast(timezone({literal(zone)}, {instant}) as date)"


def noted(business: Business, table: Table) -> list[str]:
    """The columns of a table's rows that `note_versions` looks at, the key first."""
    depends = business.rebuilt_by.get(table.name)
    others = (table.event, depends.key, *depends.columns) if depends else ()
    return list(dict.fromkeys([table.key, *(name for name in others if name)]))


def note_versions(
    connection: DuckDBPyConnection,
    business: Business,
    table: Table,
    batch: tuple[int, str],
    versions: tuple[str, str],
) -> None:
    """Notes rows that left or were replaced, and those that came: both `versions` are SQL of relations."""
    depends = business.rebuilt_by.get(table.name)
    if depends is None:
        return
    if not depends.columns:
        for rows in versions:
            note(connection, business, table, batch, rows)
        return
    if depends.users:
        for rows in versions:
            _note_keys(connection, business, table, batch, rows)
    key, (old, new) = quote(table.key), (f"(select * from {rows})" for rows in versions)
    left, right = (", ".join(f"{side}.{quote(name)}" for name in depends.columns) for side in ("old", "new"))
    pairs = f"{old} as old join {new} as new on old.{key} = new.{key}"
    same = f"select old.{key} from {pairs} where ({left}) is not distinct from ({right})"
    if depends.days != "all":
        for rows in (old, new):
            _note_days(connection, business, table, batch, f"{rows} where {key} not in ({same})")
    elif connection.execute(
        f"select 1 from {pairs} where ({left}) is distinct from ({right}) limit 1"
    ).fetchone():
        note_all(connection, business, table, batch[0])


def note_all(connection: DuckDBPyConnection, business: Business, table: Table, batch_id: int) -> None:
    """Notes that any row of the table may be another."""
    if table.name in business.rebuilt_by:
        connection.execute(
            f"insert into {business.name}_raw._changes values ({batch_id}, {literal(table.name)}, null, null, null)"
        )


def begin(
    connection: DuckDBPyConnection, business: Business, settings: Settings, as_of: datetime, batch_id: int
) -> Rebuilt | None:
    """The months and days to rebuild; None when everything is.

    The users to rebuild are in `_rebuilt_users` then. Notes the build as begun: until `finish`, each later one covers
    what it may have left behind.
    """
    create(connection, business)
    fingerprint = _fingerprint(connection, business, settings, as_of)
    raw = f"{business.name}_raw"
    builds = connection.execute(
        f"select started, as_of, batch_id, fingerprint, is_done from {raw}._builds order by started"
    ).fetchall()
    connection.execute(
        f"insert into {raw}._builds values ({len(builds) and builds[-1][0] + 1},"
        f" timestamptz {literal(as_of.isoformat())}, {batch_id}, {literal(fingerprint)}, false)"
    )
    done = [build for build in builds if build[4]]
    if not business.rebuilt_by or not done or {build[3] for build in builds} != {fingerprint}:
        return None
    spoken_of = [as_of, *(build[1] for build in builds)]
    first = _day(min(spoken_of), settings.zone)
    last = max(first, _day(max(spoken_of) - INSTANT, settings.zone))
    days = _changed_days(connection, business, settings, f"batch_id > {done[-1][2]}", last)
    if days is None:
        return None
    since = _month_of(first - LOOK_BACK)
    _put_users(connection, business, settings, f"batch_id > {done[-1][2]}", (min(spoken_of), since))
    days.update(first + each * A_DAY for each in range((last - first).days + 1))
    months = {_month_of(day) for day in days}
    # What a month begins with hangs on the month before, by sessions that go on and windows of 30 days, and
    # the first of March on the end of January, too.
    near = months | {each for month in months for each in (_next(month), _month_of(_next(month) + WINDOW))}
    return Rebuilt(
        [month.isoformat() for month in sorted(near) if month <= _next(_month_of(last))],
        [(begins.isoformat(), after.isoformat()) for begins, after in _spans(days)],
        since.isoformat(),
    )


def since(connection: DuckDBPyConnection, business: Business) -> dict[str, Any]:
    """What models and tests may have to go back to, once a build has begun: the batch that the last good build covered,
    and the earliest and latest instant of which it, or a build since, spoke."""
    builds = connection.execute(
        f"select as_of, batch_id, is_done from {business.name}_raw._builds order by started"
    ).fetchall()
    covered = [batch_id for _, batch_id, is_done in builds if is_done]
    return {
        "batch_id": covered[-1] if covered else 0,
        "earliest": instants.text(min(instant for instant, _, _ in builds)),
        "latest": instants.text(max(instant for instant, _, _ in builds)),
    }


def finish(connection: DuckDBPyConnection, business: Business) -> None:
    """Notes that the newest build ended well: what was noted before it is done with."""
    raw = f"{business.name}_raw"
    connection.execute(f"delete from {raw}._builds where started < (select max(started) from {raw}._builds)")
    connection.execute(f"update {raw}._builds set is_done = true")
    connection.execute(
        f"delete from {raw}._changes where batch_id <= (select max(batch_id) from {raw}._builds)"
    )


def _spans(days: set[date]) -> list[tuple[date, date]]:
    """Spans of days, each the first and the day after; of whole months where there would be too many."""
    spans = _joined([(day, day + A_DAY) for day in sorted(days)])
    if len(spans) <= SPANS:
        return spans
    return _joined([(month, _next(month)) for month in sorted({_month_of(day) for day in days})])


def _joined(spans: list[tuple[date, date]]) -> list[tuple[date, date]]:
    joined = spans[:1]
    for first, after in spans[1:]:
        if first == joined[-1][1]:
            joined[-1] = (joined[-1][0], after)
        else:
            joined.append((first, after))
    return joined


def _changed_days(
    connection: DuckDBPyConnection, business: Business, settings: Settings, since: str, last: date
) -> set[date] | None:
    changes = f"{business.name}_raw._changes where {since}"
    untold = f"(day is null and key is null) or zone <> {literal(settings.timezone)}"
    if connection.execute(f"select 1 from {changes} and ({untold}) limit 1").fetchone():
        return None
    found = connection.execute(f"select distinct day from {changes} and key is null").fetchall()
    for name, depends in business.rebuilt_by.items():
        keyed = _changed_keys(connection, business, name, since)
        if (
            depends.days not in ("own", "all")
            and connection.execute(f"select 1 from {keyed} limit 1").fetchone()
        ):
            told = {
                "keys": f"(select key from {keyed})",
                "last": f"date '{last}'",
                "zone": literal(settings.timezone),
            }
            found += connection.execute(depends.days.format(**told)).fetchall()
    return {day for (day,) in found if day}


def _changed_keys(connection: DuckDBPyConnection, business: Business, name: str, since: str) -> str:
    """SQL of the keys that were noted of a table, of the type that raw has, and of the day that was noted of each."""
    table, depends = business.table(name), business.rebuilt_by[name]
    typed = f"try_cast(key as {_type(connection, business, table, depends.key or table.key)})"
    noted = f"{business.name}_raw._changes where {since} and table_name = {literal(name)} and key is not null"
    return f"(select {typed} as key, day from {noted})"


def _put_users(
    connection: DuckDBPyConnection,
    business: Business,
    settings: Settings,
    changes: str,
    since: tuple[datetime, date],
) -> None:
    """Puts the users to rebuild into `_rebuilt_users`: whom loads noted, and whom time moves from an instant on.

    The whole past of a user is for what happened before the day `since`, or at a time that nobody knows.
    """
    day = since[0].astimezone(settings.zone).date() - A_DAY  # an end is told by the day that follows as_of
    instant = {"instant": f"timestamptz {literal(since[0].isoformat())}", "day": f"date '{day}'"}
    users = []
    for name, depends in business.rebuilt_by.items():
        changed = {"changes": _changed_keys(connection, business, name, changes)}
        users += [
            (name, query.format(**instant, **changed)) for query in (depends.users, depends.moved) if query
        ]
    if users:
        found = " union all ".join(
            f"select {literal(name)} as table_name, * from ({query})" for name, query in users
        )
        connection.execute(
            f"create or replace table {business.name}_raw._rebuilt_users as select user_id, table_name,"
            f" bool_or(day is null or day < date '{since[1]}') as is_whole"
            f" from ({found}) where user_id is not null group by all"
        )


def _type(connection: DuckDBPyConnection, business: Business, table: Table, column: str) -> str:
    """The type that raw has of a column, so that many keys are looked up among its values as they are stored."""
    row = connection.execute(
        "select data_type from duckdb_columns() where database_name = current_database()"
        f" and schema_name = {literal(business.name + '_raw')}"
        f" and table_name = {literal(table.raw)} and column_name = {literal(column)}"
    ).fetchone()
    assert row is not None
    return str(row[0])


def _fingerprint(
    connection: DuckDBPyConnection, business: Business, settings: Settings, as_of: datetime
) -> str:
    """What every month's rows depend on, beside the rows: code, settings, raw's types, facts of all rows."""
    columns = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        f" where schema_name = {literal(business.name + '_raw')} and database_name = current_database()"
        " and starts_with(table_name, 'raw_') order by all"
    ).fetchall()
    instant = f"timestamptz {literal(as_of.isoformat())}"
    facts = [connection.execute(query.format(as_of=instant)).fetchone() for query in business.facts_of_all]
    told = [__version__, settings.timezone, settings.currency, settings.churn_days, columns, facts]
    return hash_code(business, told, ("models", "macros"))


def hash_code(business: Business, told: list[Any], folders: tuple[str, ...]) -> str:
    """A hash of what is told and of the dbt project: of these folders, and of what both projects share.

    Not of what dbt leaves beside it: in target/ a folder is called customers.yml.
    """
    digest = hashlib.sha256(json.dumps(told, default=str).encode())
    places = [business.folder.parent / "dbt_macros", *(business.dbt_project / name for name in folders)]
    found = [path for place in places for path in place.rglob("*")]
    code = sorted(path for path in found if path.suffix in (".sql", ".yml", ".csv") and path.is_file())
    for path in [business.dbt_project / "dbt_project.yml", business.dbt_project / "profiles.yml", *code]:
        digest.update(f"{path.relative_to(business.folder.parent)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def _month_of(day: date) -> date:
    return day.replace(day=1)


def _next(month: date) -> date:
    return _month_of(month + timedelta(days=31))
