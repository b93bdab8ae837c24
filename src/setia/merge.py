"""Some rows of one table into raw: typed and judged in `stage`, then merged by key or quarantined.

Temporary tables: `incoming` holds the rows as they came, `gone` the keys that the source no longer has,
`stage` both these and the held rows that may be released now, typed and judged.
"""

from dataclasses import dataclass, field
from datetime import datetime

from duckdb import DuckDBPyConnection

from setia import derive, quarantine, rebuild, staging
from setia.batches import TableCounts
from setia.schema import Reference, Table
from setia.sources import SourceTable
from setia.staging import Origin, Rules
from setia.warehouses import literal, quote

REFERENCE_RULES = ("orphan", "owner_mismatch", "before_parent")


@dataclass(frozen=True)
class Job:
    """One batch being made: what all of its tables share, and what became of those that are done."""

    connection: DuckDBPyConnection
    rules: Rules
    batch_id: int
    loaded_at: datetime
    is_frugal: bool = False
    """Keep memory small, at the risk of running short of it."""
    arrived: set[str] = field(default_factory=set)
    """Tables to which rows came, new ones or other versions."""
    replaced: set[str] = field(default_factory=set)
    """Tables of which rows were replaced by other versions."""
    alike: set[str] = field(default_factory=set)
    """Tables of the source that hold keys which differ by spaces around them only."""
    shrunk: set[str] = field(default_factory=set)
    """Tables whose rows left raw."""

    @property
    def now(self) -> str:
        """SQL of the instant of the batch."""
        return f"timestamptz {literal(self.loaded_at.isoformat())}"

    def raw(self, table: Table) -> str:
        """The table's name in raw, with its schema."""
        return f"{self.rules.business.name}_raw.{table.raw}"

    def note(self, table: Table, rows: str) -> None:
        """Notes that these rows (SQL of a relation) come or go, for those who rebuild what depends on them."""
        rebuild.note(self.connection, self.rules.business, table, (self.batch_id, self.rules.zone), rows)

    def alive(self, table: Table) -> int:
        """How many rows the table has in raw, without deleted ones."""
        row = self.connection.execute(
            f"select count(*) from {self.raw(table)} where _deleted_at is null"
        ).fetchone()
        assert row is not None
        return int(row[0])


@dataclass(frozen=True)
class Incoming:
    """The rows in `incoming`, the keys in `gone` (NULL: not asked), and how many more came and are unchanged."""

    source_table: SourceTable
    origin: Origin
    has_gone: bool = False
    unchanged: int = 0
    whole: bool = False


def merge(job: Job, table: Table, incoming: Incoming | None) -> TableCounts:
    """Stages, judges, merges and quarantines; returns the counts, which add up.

    Without incoming rows only what is held is tried again, and what lost its parent is withdrawn.
    """
    anew = 0 if incoming and incoming.whole else _withdraw_told_anew(job, table)
    counts = _Merge(job, table, incoming).run() if incoming or _is_held(job, table) else {}
    withdrawn = sum(_withdraw(job, table, reference) for reference in table.references)
    if withdrawn:
        job.shrunk.add(table.name)
    return TableCounts(**counts, withdrawn=withdrawn + anew)


@dataclass(frozen=True)
class _Merge:
    job: Job
    table: Table
    incoming: Incoming | None

    @property
    def current(self) -> bool:
        """Whether each row is what the source holds now, whatever its clock says."""
        return self.incoming is not None and self.incoming.source_table.current

    def run(self) -> dict[str, int]:
        """Does all of it; returns the counts."""
        job = self.job
        if self.incoming and self.incoming.has_gone:
            quarantine.drop_gone(job.connection, job.rules.business, self.table)
        self._stage()
        if not (self.incoming and self.incoming.source_table.unique and self.incoming.whole):
            self._choose_versions()
        self._judge_against_raw()
        left = self._merge_into_raw()
        deleted = self._mark_deleted() if self.incoming and self.incoming.has_gone else 0
        counts = self._counts()
        source = (self.incoming.source_table, self.incoming.origin) if self.incoming else None
        batch = (job.batch_id, job.now)
        whole = self.incoming is not None and self.incoming.whole
        quarantine.keep(job.connection, job.rules.business, self.table, source, batch, whole)
        if left or deleted:
            job.shrunk.add(self.table.name)
        self._execute("drop table stage")
        return counts | {"deleted": deleted}

    def _stage(self) -> None:
        origins = [self.incoming.origin] if self.incoming else []
        queries = [staging.select(self.table, each, self.job.rules) for each in origins]
        if not (self.incoming and self.incoming.whole):
            held = quarantine.origin(self.job.rules.business, self.table, self._may_be_released())
            held = staging.deriving(self.table, held, self.job.rules)
            queries.append(staging.select(self.table, held, self.job.rules))
        self._execute(f"create or replace temp table stage as {' union all '.join(queries)}")

    def _may_be_released(self) -> str:
        """SQL of the held rows that this batch may change: of the same key, or whose parent or owner came."""
        conditions = ["false", *derive.told_anew(self.job.rules, self.table)]
        if self.incoming:
            origin, table = self.incoming.origin, self.table
            key = f"trim(cast({origin.expressions[table.key]} as varchar))"
            typed = staging.typed(table, origin, self.job.rules.key_types)[table.key]
            relation = f"{origin.relation} as source"
            keys = f"(select {key} from {relation} union select cast({typed} as varchar) from {relation})"
            conditions.append(quarantine.is_of(keys))
        for reference in self.table.references:
            parent = self.job.rules.business.table(reference.table)
            if parent.name in self.job.shrunk:
                conditions.append(f"_rule in {REFERENCE_RULES}")  # they may be orphans now
            if parent.name in self.job.arrived:
                came = (
                    f"(select cast({quote(parent.key)} as varchar) from {self.job.raw(parent)}"
                    f" where _batch_id = {self.job.batch_id} and _deleted_at is null)"
                )
                conditions.append(
                    f"_rule in {REFERENCE_RULES} and {quarantine.key_is_in(reference.column, came)}"
                )
        return f"_ours is not null and ({' or '.join(f'({each})' for each in conditions)})"

    def _choose_versions(self) -> None:
        """One version a key: the newest, then what came later, then a good one, then by content.

        Older versions are duplicates, and so are good ones that lose; a bad one of the same age stays in
        sight. A held row that loses to one of the source is history.
        """
        key = quote(self.table.key)
        order = ", ".join(f"{quote(column.name)} desc nulls last" for column in self.table.columns[1:])
        newest = "_origin desc, updated_at" if self.current else "updated_at desc nulls last, _origin"
        self._execute(
            f"create or replace temp table losers as"
            f" select _origin, _n, _rule is null or _origin = 'quarantine'"
            f"  or coalesce(updated_at < newest, false) as _is_duplicate from ("
            f"  select _origin, _n, _rule, updated_at, row_number() over newest_first as place,"
            f"   first_value(updated_at) over newest_first as newest"
            f"  from stage where {key} is not null and {key} in"
            f"   (select {key} from stage group by {key} having count(*) > 1)"
            f"  window newest_first as (partition by {key}"
            f"   order by {newest} desc nulls last, _rule is null desc, {order}, _n)"
            f" ) where place > 1"
        )
        self._execute(
            "update stage set _rule = case when _is_duplicate then 'duplicate' else _rule end, _is_loser = true"
            " from losers where stage._origin = losers._origin and stage._n = losers._n"
        )

    def _judge_against_raw(self) -> None:
        """Sets older versions and rows as they stand apart; leaves in `matched` the row of raw of each key.

        Rows as they stand are left alone, so that what depends on them need not be built again. With each
        row of raw comes what is noted of it, so that raw is read once.
        """
        key = quote(self.table.key)
        business = self.job.rules.business
        noted = ", ".join(f"raw.{quote(name)}" for name in rebuild.noted(business, self.table))
        found = f"stage._origin, stage._n, raw.rowid as _raw, raw._deleted_at is null as _was_there, {noted}"
        on_key = f"from {self.job.raw(self.table)} as raw join stage on raw.{key} = stage.{key}"
        if self._is_all_new():
            self._execute(
                f"create or replace temp table matched as select {found},"
                f" null as _verdict, true as _is_newer {on_key}"
            )
            return
        older = "raw._deleted_at is null and stage.updated_at < raw.updated_at"
        if self.current:
            older = f"stage._origin = 'quarantine' and {older}"
        stage, raw = (
            ", ".join(f"{side}.{quote(column.name)}" for column in self.table.columns)
            for side in ("stage", "raw")
        )
        self._execute(
            "create or replace temp table matched as"
            f" select {found}, case"
            f"  when {older} then 'duplicate'"
            f"  when raw._deleted_at is null and ({stage}) is not distinct from ({raw}) then 'unchanged'"
            f" end as _verdict, {self.current} or coalesce(stage.updated_at > raw.updated_at, true) as _is_newer"
            f" {on_key}"
        )
        self._execute(
            "update stage set _rule = _verdict from matched where _verdict is not null"
            " and (stage._rule is null or _verdict = 'duplicate')"
            " and stage._origin = matched._origin and stage._n = matched._n"
        )

    def _is_all_new(self) -> bool:
        """Whether no staged row can be one that raw has, so that their values need not be compared."""
        changes = self.incoming.source_table.changes if self.incoming and not self.incoming.whole else None
        held = "select 1 from stage where _origin = 'quarantine' limit 1"
        return changes is not None and changes.is_new and not self._execute(held).fetchone()

    def _merge_into_raw(self) -> int:
        """Replaces and adds the good rows; returns how many left raw because their new version is bad.

        A full load would not have the older good version of those either.
        """
        raw, names = self.job.raw(self.table), ", ".join(quote(column.name) for column in self.table.columns)
        self._execute(
            "create or replace temp table leaving as select matched.*, _rule is null as is_replaced"
            " from matched join stage using (_origin, _n) where _rule is null or (_is_newer"
            "  and _rule not in ('duplicate', 'unchanged') and _origin = 'source' and not _is_loser)"
        )
        row = self._execute("select count(*) filter (is_replaced), count(*) from leaving").fetchone()
        replaced, gone = row if row else (0, 0)
        if gone:
            self._execute(f"delete from {raw} where rowid in (select _raw from leaving)")
        arrived = self._changed(
            f"insert into {raw} ({names}, _loaded_at, _batch_id)"
            f" select {names}, {self.job.now}, {self.job.batch_id} from stage where _rule is null"
        )
        versions = ("leaving where _was_there", "stage where _rule is null")
        batch = (self.job.batch_id, self.job.rules.zone)
        rebuild.note_versions(self.job.connection, self.job.rules.business, self.table, batch, versions)
        self.job.replaced.update([self.table.name] if replaced else [])
        self.job.arrived.update([self.table.name] if arrived else [])
        return int(gone - replaced)

    def _counts(self) -> dict[str, int]:
        names = ("rows_in", "loaded", "quarantined", "duplicates", "unchanged", "released")
        row = self._execute(
            "select count(*) filter (_origin = 'source'),"
            " count(*) filter (_origin = 'source' and (_rule is null or _rule = 'unchanged')),"
            " count(*) filter (_origin = 'source' and _rule not in ('unchanged', 'duplicate')),"
            " count(*) filter (_origin = 'source' and _rule = 'duplicate'),"
            " count(*) filter (_origin = 'source' and _rule = 'unchanged'),"
            " count(*) filter (_origin = 'quarantine' and _rule is null) from stage"
        ).fetchone()
        assert row is not None
        counts = dict(zip(names, row, strict=True))
        for name in ("rows_in", "loaded", "unchanged") if self.incoming else ():
            counts[name] += self.incoming.unchanged if self.incoming else 0
        return counts

    def _mark_deleted(self) -> int:
        key, raw = quote(self.table.key), self.job.raw(self.table)
        going = f"where _deleted_at is null and {key} in (select {key} from gone)"
        self.job.note(self.table, f"{raw} {going}")
        return self._changed(
            f"update {raw} set _deleted_at = {self.job.now}, _batch_id = {self.job.batch_id} {going}"
        )

    def _execute(self, sql: str) -> DuckDBPyConnection:
        return self.job.connection.execute(sql)

    def _changed(self, sql: str) -> int:
        row = self._execute(sql).fetchone()
        return int(row[0]) if row else 0


def _is_held(job: Job, table: Table) -> bool:
    """Whether rows of the table are held whose parents came or left in this batch, or whose owners may have."""
    if any(name == table.name for name, _ in job.rules.derived):
        return quarantine.holds(job.connection, job.rules.business, table)
    moved = job.arrived | job.shrunk
    if not any(reference.table in moved for reference in table.references):
        return False
    return quarantine.holds(job.connection, job.rules.business, table, REFERENCE_RULES)


def _withdraw_told_anew(job: Job, table: Table) -> int:
    """Moves rows of raw into quarantine of which other rows tell another owner now, or none, to be judged there.

    Those that have a new owner come back in this same batch.
    """
    withdrawn = 0
    for (name, column), lookup in job.rules.derived.items():
        if name == table.name:
            names = ", ".join(f"raw.{quote(one.name)}" for one in table.columns)
            bad = (
                f"select {names}, if(told.key is null, 'unknown_owner', 'conflicting_owner'), {literal(column)}"
                f" from {job.raw(table)} as raw left join {lookup} as told on told.key = raw.{quote(table.key)}"
                f" where raw._deleted_at is null and raw.{quote(column)} is distinct from told.value"
            )
            batch = (job.batch_id, job.now, job.rules.zone)
            withdrawn += quarantine.withdraw(job.connection, job.rules.business, table, bad, batch)
    if withdrawn:
        rebuild.note_all(job.connection, job.rules.business, table, job.batch_id)
        for moved in (job.shrunk, job.replaced):
            moved.add(table.name)
    return withdrawn


def _withdraw(job: Job, table: Table, reference: Reference) -> int:
    """Moves rows of raw into quarantine whose parent left raw in this batch, or changed against them.

    A full load would not have them in raw. Returns how many; looks at the children of changed parents
    only, and at all of them only when some parent left.
    """
    parent = job.rules.business.table(reference.table)
    joined = (
        f"from {job.raw(table)} as raw left join {job.raw(parent)} as parent"
        f" on parent.{quote(parent.key)} = raw.{quote(reference.column)} where raw._deleted_at is null"
    )
    gone = f"(parent.{quote(parent.key)} is null or parent._deleted_at is not null)"
    lost = f"raw.{quote(reference.column)} is not null and {gone}"
    names = ", ".join(f"raw.{quote(column.name)}" for column in table.columns)
    judged = [("orphan", reference.column, lost)] if parent.name in job.shrunk else []
    if parent.name in job.replaced:
        for rule, name, condition in staging.disagreements(reference, "raw", "parent", job.rules.zone):
            judged.append((rule, name, f"parent._batch_id = {job.batch_id} and {condition}"))
    withdrawn = 0
    for rule, name, condition in judged:
        bad = f"select {names}, {literal(rule)}, {literal(name)} {joined} and {condition}"
        batch = (job.batch_id, job.now, job.rules.zone)
        withdrawn += quarantine.withdraw(job.connection, job.rules.business, table, bad, batch)
        job.note(table, "withdrawn")
    return withdrawn
