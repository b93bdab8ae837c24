"""The source against raw and quarantine: by count and by checksum of keys and content, range by range."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from duckdb import DuckDBPyConnection

from setia import drift, quarantine, raw, staging
from setia.errors import SourceError
from setia.schema import Business, Table
from setia.sources import ABSENT, Source, SourceTable, reading
from setia.staging import Origin
from setia.warehouses import literal, quote

RANGES = 256
NAMED = 20
KINDS = ("missing", "different", "extra", "pending")


@dataclass(frozen=True)
class Reconciliation:
    """One table. Keys are texts, the first 20 of each kind by name; the counts are of all.

    `missing`: the source has the key, raw and quarantine have not. `different`: both have it, with other
    values. `extra`: raw and quarantine have it more often than the source, which says everything. `pending`:
    any of these, but written in the source since the last load, so that the next one will see to it.
    """

    table: str
    source_rows: int
    raw_rows: int
    quarantined_rows: int
    ranges: int
    differing_ranges: int
    counts: dict[str, int]
    keys: dict[str, list[str]]

    @property
    def ok(self) -> bool:
        """Whether raw and quarantine together hold what the source held at the last load."""
        return not any(self.counts[kind] for kind in KINDS if kind != "pending")

    def shown(self) -> dict[str, Any]:
        """The figures as one plain dictionary."""
        return {"ok": self.ok} | asdict(self)


def reconcile(connection: DuckDBPyConnection, business: Business, source: Source) -> list[Reconciliation]:
    """Compares every table of an opened source with what raw and quarantine hold of it; changes nothing.

    Both sides are typed alike and hashed row by row, so equal means equal in every value. The source is
    read once, and its differing ranges a second time to name the keys.
    """
    there = raw.layout(connection, business)
    if not any(there.values()):
        raise SourceError(
            f"{business.name} was never loaded.",
            "There must be something to compare the source with.",
            f"setia load {business.name}",
        )
    source, business = drift.extend(business, source, there, carry=False)
    key_types = {table.name: there[table.name].get(table.key, "BIGINT") for table in business.tables}
    return [_Sides(connection, business, each, source.zone, key_types).reconcile() for each in source.tables]


def insist(found: list[Reconciliation]) -> None:
    """Raises SourceError, naming keys, when some table of the source is not in raw and quarantine as it is."""
    for each in found:
        if not each.ok:
            kind = next(kind for kind in KINDS if each.counts[kind])
            raise SourceError(
                f"{each.table} was not loaded as the source has it: {each.counts[kind]} keys are {kind},"
                f" such as {', '.join(each.keys[kind][:5])}.",
                "Source and raw with quarantine must agree key by key; nothing was loaded.",
                "Repeat the command; if it says so again, report it with these keys.",
            )


@dataclass(frozen=True)
class _Sides:
    connection: DuckDBPyConnection
    business: Business
    source_table: SourceTable
    zone: str
    key_types: dict[str, str]

    @property
    def table(self) -> Table:
        """The table that is compared."""
        return self.source_table.table

    @property
    def derived(self) -> set[str]:
        """The columns of which the source says nothing, while raw has what other rows tell."""
        return {column.name for column in self.source_table.lacking if column.derived_from}

    def reconcile(self) -> Reconciliation:
        """Compares ranges, and the keys of those that differ."""
        origin = staging.origin_of(self.connection, self.source_table, self.zone)
        theirs, ours = self._rows(origin, self.source_table.relation), self._ours()
        with reading(self.source_table):
            ranges, differing, source_rows = self._differing(theirs, ours)
            kinds = self._kinds(theirs, ours, self._pending(origin), differing) if differing else {}
        raw_rows, held = self._held()
        counts = {kind: sum(found[0] for found in [kinds.get(kind)] if found) for kind in KINDS}
        keys = {kind: kinds[kind][1] if kind in kinds else [] for kind in KINDS}
        name = self.table.name
        return Reconciliation(name, source_rows, raw_rows, held, ranges, len(differing), counts, keys)

    def _rows(self, origin: Origin, relation: str) -> str:
        """SQL of key, its name as text, age and hash of every row of an origin, typed as raw has it."""
        typed = staging.typed(self.table, origin, self.key_types)
        key, as_it_came = typed[self.table.key], origin.expressions[self.table.key]
        name = f"coalesce(cast({key} as varchar), trim(cast({as_it_came} as varchar)), '')"
        hashed = f"hash({', '.join(typed.values())})"
        what = f"{key} as key, {name} as name, {typed['updated_at']} as updated, {hashed} as hash"
        return f"select {what} from ({relation}) as source"

    def _ours(self) -> str:
        key = quote(self.table.key)
        names = ", ".join(
            "null" if column.name in self.derived else quote(column.name) for column in self.table.columns
        )
        held = quarantine.origin(self.business, self.table, "_ours is not null")
        held = replace(held, expressions={**held.expressions} | dict.fromkeys(self.derived, ABSENT))
        return (
            f"select {key} as key, cast({key} as varchar) as name, updated_at as updated, hash({names}) as hash"
            f" from {self.business.name}_raw.{self.table.raw} where _deleted_at is null"
            f" union all {self._rows(held, f'select * from {held.relation}')}"
        )

    def _pending(self, origin: Origin) -> str:
        """SQL of the names of keys that were written or deleted since the last load."""
        changes = self.source_table.changes
        if changes is None:
            return "select null as name where false"
        deleted = f" union select trim(key) from ({changes.deleted}) as gone(key)" if changes.deleted else ""
        return f"select name from ({self._rows(origin, changes.relation)}){deleted}"

    def _differing(self, theirs: str, ours: str) -> tuple[int, list[str], int]:
        """How many ranges there are, which of them differ, and how many rows the source has."""
        sums = f"{self._range()} as span, count(*) as n, sum(hash) as checksum"
        rows = self.connection.execute(
            "select span, (theirs.n, theirs.checksum) is distinct from (ours.n, ours.checksum),"
            f" coalesce(theirs.n, 0) from (select {sums} from ({theirs}) group by 1) as theirs"
            f" full join (select {sums} from ({ours}) group by 1) as ours using (span) order by 1"
        ).fetchall()
        return len(rows), [row[0] for row in rows if row[1]], sum(row[2] for row in rows)

    def _range(self) -> str:
        """SQL of the range that a key is in, as text: of equal width for numbers, by its beginning for texts."""
        if self.key_types[self.table.name] != "BIGINT":
            return "coalesce(left(key, 2), '')"
        key = quote(self.table.key)
        row = self.connection.execute(
            f"select min({key}), max({key}) from {self.business.name}_raw.{self.table.raw}"
        ).fetchone()
        low, high = row if row and row[0] is not None else (0, 0)
        return f"coalesce(cast(key // {(high - low) // RANGES + 1} as varchar), '')"

    def _kinds(
        self, theirs: str, ours: str, pending: str, differing: list[str]
    ) -> dict[str, tuple[int, list[str]]]:
        """How many keys of each kind there are in the differing ranges, and the first of them."""
        among = f"where {self._range()} in ({', '.join(literal(span) for span in differing)})"
        summed = "select name, hash, max(updated) as updated, count(*) as n"
        rows = self.connection.execute(
            f"with theirs as materialized ({summed} from ({theirs}) {among} group by all),"
            f" ours as materialized ({summed} from ({ours}) {among} group by all),"
            " unlike as ("
            # Rows without a key are no versions of each other: each has to be held.
            "  select name, 'missing' as kind from theirs where name not in (select name from ours)"
            "   or (name = '' and hash not in (select hash from ours where name = ''))"
            f"  union {self._unlike()}),"
            f" told as (select name, case when name in ({pending}) then 'pending' else kind end as kind"
            "  from unlike)"
            f" select kind, count(*), list(name order by length(name), name)[:{NAMED}] from told group by kind"
        ).fetchall()
        return {kind: (count, names) for kind, count, names in rows}

    def _unlike(self) -> str:
        """SQL of the names, with their kinds, of what raw and quarantine should not hold as they do.

        Of several versions of a key in the source, raw holds one; and a newer one than a source has that
        does not say everything.
        """
        if self.source_table.complete:
            often = "sum(n) over (partition by name)"
            return (
                "select ours.name, case when ours.often > coalesce(theirs.often, 0) then 'extra' else 'different' end"
                f" from (select *, {often} as often from ours) as ours"
                " left join (select name, sum(n) as often from theirs group by name) as theirs using (name)"
                " left join theirs as same on (same.name, same.hash) = (ours.name, ours.hash)"
                " where same.n is null or ours.n > same.n"
            )
        return (
            "select name, 'different' from"
            " (select name, max(updated) as updated from theirs group by name) as theirs"
            " join (select name, max(updated) as updated from ours group by name) as ours using (name)"
            " where name not in (select name from theirs as a join ours as b using (name, hash))"
            "  and not coalesce(ours.updated > theirs.updated, false)"
        )

    def _held(self) -> tuple[int, int]:
        raw_rows = f"select count(*) from {self.business.name}_raw.{self.table.raw} where _deleted_at is null"
        row = self.connection.execute(
            f"select ({raw_rows}), ({quarantine.count(self.business, self.table)})"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])
