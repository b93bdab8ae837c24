"""Source -> raw, one transaction a batch: every row is loaded, quarantined with its rule, or a duplicate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from setia import batches, quarantine, staging
from setia.batches import Batch, TableCounts
from setia.errors import SetiaError, SourceError, WarehouseError
from setia.files import unreadable
from setia.schema import Business, Reference, Table
from setia.sources import Source, SourceTable
from setia.staging import INTEGERS, KEY_NUMBER, Origin
from setia.warehouses import literal, quote

Progress = Callable[[str], None]


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Commits on leaving, rolls back on any error: a failed batch leaves nothing behind."""
    connection.execute("begin transaction")
    try:
        yield
        connection.execute("commit")
    except BaseException as error:
        _roll_back(connection)
        if isinstance(error, duckdb.Error):
            raise explain(error) from error
        raise


def load(
    connection: DuckDBPyConnection, business: Business, source: Source, zone: str, progress: Progress
) -> Batch:
    """Merges an opened source into raw and returns the batch. Call it inside `transaction`.

    Guarantees: nothing twice; an older version never replaces a newer one; a row that breaks a rule is
    in quarantine, whole; quarantined rows are tried again each time, and released once their cause is gone.
    """
    loaded_at = datetime.now(UTC)
    read = {source_table.table.name: source_table for source_table in source.tables}
    for name, source_table in read.items():
        progress(f"read {name}")
        _read(connection, source_table)
    key_types = _key_types(connection, business, read)
    _create(connection, business, key_types)
    batch_id = batches.next_id(connection, business)
    counts, shrunk = {}, set[str]()
    for table in business.tables:
        if table.name in read:
            progress(f"merge {table.name}")
        merge = _Merge(connection, business, table, key_types, batch_id, loaded_at, zone, shrunk)
        counts[table.name] = merge.run(read.get(table.name), source.zone)
    data_through = source.covered_until or batches.data_through(connection, business, zone)
    batch = Batch(batch_id, loaded_at, source.name, data_through, counts)
    batches.record(connection, business, batch, source.mark)
    return batch


@dataclass(frozen=True)
class _Merge:
    """One table of one batch. Temporary tables: source_<t> as it came, stage_<t> typed and judged."""

    connection: DuckDBPyConnection
    business: Business
    table: Table
    key_types: dict[str, str]
    batch_id: int
    loaded_at: datetime
    zone: str
    shrunk: set[str]
    """Tables whose rows left raw in this batch; shared by the batch's merges."""

    @property
    def raw(self) -> str:
        """The table's name in raw, with its schema."""
        return f"{self.business.name}_raw.{self.table.raw}"

    def run(self, source_table: SourceTable | None, zone: str) -> TableCounts:
        """Stages, judges, merges and quarantines; returns the counts, which add up.

        Without a source only what is held is tried again, and what lost its parent is withdrawn.
        """
        origin = source_origin(self.connection, source_table, zone) if source_table else None
        held = quarantine.origin(self.business, self.table)
        complete = source_table is not None and source_table.complete
        origins = (origin, held if not complete else None)
        queries = [staging.select(self.table, each, self.key_types) for each in origins if each]
        self._execute(f"create or replace temp table stage as {' union all '.join(queries)}")
        current = source_table is not None and source_table.current
        self._choose_versions(current)
        for reference in self.table.references:
            self._judge_reference(reference)
        self._judge_against_raw(current)
        left = self._merge_into_raw(current)
        deleted = self._mark_deleted() if complete else 0
        counts = self._counts()
        read = (source_table, origin) if source_table and origin else None
        quarantine.keep(self.connection, self.business, self.table, read, (self.batch_id, self.loaded_at))
        if source_table and source_table.rejects:
            rejected = quarantine.keep_rejects(
                self.connection, self.business, source_table, (self.batch_id, self.loaded_at)
            )
            counts["rows_in"] += rejected
            counts["quarantined"] += rejected
        withdrawn = sum(self._withdraw(reference) for reference in self.table.references)
        if left or deleted or withdrawn:
            self.shrunk.add(self.table.name)
        self._execute("drop table stage")
        if source_table:
            self._execute(f"drop table source_{self.table.name}")
        return TableCounts(**counts, deleted=deleted, withdrawn=withdrawn)

    def _choose_versions(self, current: bool) -> None:
        """One version a key: the newest, then what came later, then a good one, then by content.

        Older versions are duplicates, and so are good ones that lose; a bad one of the same age stays in
        sight. A held row that loses to one of the source is history.
        """
        key = quote(self.table.key)
        order = ", ".join(f"{quote(column.name)} desc nulls last" for column in self.table.columns[1:])
        newest = "_origin desc, updated_at" if current else "updated_at desc nulls last, _origin"
        self._execute(
            f"create or replace temp table losers as"
            f" select _origin, _n, _rule is null or coalesce(updated_at < newest, false) as is_duplicate from ("
            f"  select _origin, _n, _rule, updated_at, row_number() over newest_first as place,"
            f"   first_value(updated_at) over newest_first as newest"
            f"  from stage where {key} is not null and {key} in"
            f"   (select {key} from stage group by {key} having count(*) > 1)"
            f"  window newest_first as (partition by {key}"
            f"   order by {newest} desc nulls last, _rule is null desc, {order}, _n)"
            f" ) where place > 1"
        )
        self._execute(
            "update stage set _rule = case when is_duplicate then 'duplicate' else _rule end, _is_loser = true"
            " from losers where stage._origin = losers._origin and stage._n = losers._n"
        )
        self._execute("delete from stage where _origin = 'quarantine' and _is_loser")

    def _judge_reference(self, reference: Reference) -> None:
        parent = self.business.table(reference.table)
        parent_raw, key = f"{self.business.name}_raw.{parent.raw}", quote(parent.key)
        column = quote(reference.column)
        self._execute(
            f"update stage set _rule = 'orphan', _column = {literal(reference.column)} where _rule is null"
            f" and {column} is not null and not exists"
            f" (select 1 from {parent_raw} as parent"
            f" where parent.{key} = stage.{column} and parent._deleted_at is null)"
        )
        for rule, name, condition in self._disagreements(reference, "stage"):
            self._execute(
                f"update stage set _rule = {literal(rule)}, _column = {literal(name)} from {parent_raw} as parent"
                f" where stage._rule is null and parent.{key} = stage.{column} and {condition}"
            )

    def _disagreements(self, reference: Reference, row: str) -> list[tuple[str, str, str]]:
        """(rule, column, SQL condition) of each way in which a row and its `parent` can't both be right."""
        found = []
        if reference.same:
            own, theirs = (quote(name) for name in reference.same)
            found.append(("owner_mismatch", reference.same[0], f"{row}.{own} <> parent.{theirs}"))
        if reference.not_before:
            own, theirs = (
                f"cast(timezone({literal(self.zone)}, {side}.{quote(name)}) as date)"
                for side, name in zip((row, "parent"), reference.not_before, strict=True)
            )
            found.append(("before_parent", reference.not_before[0], f"{own} < {theirs}"))
        return found

    def _withdraw(self, reference: Reference) -> int:
        """Moves rows of raw into quarantine whose parent left raw in this batch, or changed against them.

        A full load would not have them in raw. Returns how many; looks at the children of changed parents
        only, and at all of them only when some parent left.
        """
        parent = self.business.table(reference.table)
        joined = (
            f"from {self.raw} as raw left join {self.business.name}_raw.{parent.raw} as parent"
            f" on parent.{quote(parent.key)} = raw.{quote(reference.column)} where raw._deleted_at is null"
        )
        gone = f"(parent.{quote(parent.key)} is null or parent._deleted_at is not null)"
        lost = f"raw.{quote(reference.column)} is not null and {gone}"
        judged = [("orphan", reference.column, lost)] if parent.name in self.shrunk else []
        for rule, name, condition in self._disagreements(reference, "raw"):
            judged.append((rule, name, f"parent._batch_id = {self.batch_id} and {condition}"))
        return sum(
            quarantine.withdraw(
                self.connection,
                self.business,
                self.table,
                f"select raw.*, {literal(rule)}, {literal(name)} {joined} and {condition}",
                (self.batch_id, self.loaded_at, self.zone),
            )
            for rule, name, condition in judged
        )

    def _judge_against_raw(self, current: bool) -> None:
        # Rows as they stand are left alone, so that what depends on them need not be built again.
        key = quote(self.table.key)
        older = "raw._deleted_at is null and stage.updated_at < raw.updated_at"
        if current:
            older = f"(stage._origin = 'quarantine' and {older})"
        stage, raw = (
            ", ".join(f"{side}.{quote(column.name)}" for column in self.table.columns)
            for side in ("stage", "raw")
        )
        self._execute(
            f"update stage set _rule = case when {older} then 'duplicate' else 'unchanged' end"
            f" from {self.raw} as raw where stage._rule is null and raw.{key} = stage.{key} and ("
            f"  {older}"
            f"  or (raw._deleted_at is null and ({stage}) is not distinct from ({raw})))"
        )

    def _merge_into_raw(self, current: bool) -> int:
        """Replaces and adds the good rows; returns how many left raw because their new version is bad.

        A full load would not have the older good version of those either.
        """
        key = quote(self.table.key)
        names = ", ".join(quote(column.name) for column in self.table.columns)
        same_key = f"delete from {self.raw} as raw using stage where raw.{key} = stage.{key}"
        self._execute(f"{same_key} and stage._rule is null")
        left = self._execute(
            f"{same_key} and stage._rule not in ('duplicate', 'unchanged') and stage._origin = 'source'"
            f" and not stage._is_loser and ({current} or coalesce(stage.updated_at > raw.updated_at, true))"
        ).fetchone()
        self._execute(
            f"insert into {self.raw} select {names}, $loaded_at, $batch_id, null from stage where _rule is null",
            {"loaded_at": self.loaded_at, "batch_id": self.batch_id},
        )
        return int(left[0]) if left else 0

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
        return dict(zip(names, row, strict=True))

    def _mark_deleted(self) -> int:
        key = quote(self.table.key)
        row = self._execute(
            f"update {self.raw} set _deleted_at = $loaded_at, _batch_id = $batch_id where _deleted_at is null"
            f" and {key} not in (select {key} from stage where _origin = 'source' and {key} is not null)",
            {"loaded_at": self.loaded_at, "batch_id": self.batch_id},
        ).fetchone()
        return int(row[0]) if row else 0

    def _execute(self, sql: str, parameters: dict[str, Any] | None = None) -> DuckDBPyConnection:
        return self.connection.execute(sql, parameters)


def source_origin(connection: DuckDBPyConnection, source_table: SourceTable, zone: str) -> Origin:
    """The rows just read, with the type of each of our columns' expressions."""
    relation = f"source_{source_table.table.name}"
    columns = ", ".join(f"{sql} as {quote(name)}" for name, sql in source_table.expressions.items())
    described = connection.execute(f"describe select {columns} from {relation} as source").fetchall()
    types = {row[0]: row[1] for row in described}
    return Origin("source", relation, source_table.expressions, types, literal(zone))


def explain(error: duckdb.Error) -> SetiaError:
    """A DuckDB error of a load as one that a person can act on."""
    first = str(error).splitlines()[0]
    if "No space left" in str(error) or "max_temp_directory_size" in str(error):
        return WarehouseError(
            f"The disk is full: {first}",
            "Nothing was lost: the warehouse is as it was before this step.",
            "Free some space and repeat the command.",
        )
    if "postgres" in str(error).lower():
        return SourceError(
            f"PostgreSQL did not answer as expected: {first}",
            "Nothing was loaded: the warehouse is as it was before.",
            "Check SETIA_POSTGRES_URL and that this user may read the tables, then repeat the command.",
        )
    return WarehouseError(
        f"DuckDB could not finish: {first}",
        "Nothing was loaded: the warehouse is as it was before.",
        "Repeat the command with --debug and report what it prints.",
    )


def _roll_back(connection: DuckDBPyConnection) -> None:
    try:
        connection.execute("rollback")
    except duckdb.Error as error:
        # DuckDB has rolled back by itself after a failed commit or a fatal error; there is nothing to undo.
        if "no transaction is active" not in str(error) and "database has been invalidated" not in str(error):
            raise


def _read(connection: DuckDBPyConnection, source_table: SourceTable) -> None:
    name = source_table.table.name
    try:
        connection.execute(f"create or replace temp table source_{name} as {source_table.relation}")
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise
        if not source_table.current or "postgres_query" not in source_table.relation:
            raise unreadable(name, error) from error
        raise SourceError(
            f"{name} can't be read from PostgreSQL: {str(error).splitlines()[0]}",
            "It must be a table or view that this user may read.",
            "Correct it, or its rights, and repeat the command; nothing was loaded.",
        ) from error


def _key_types(
    connection: DuckDBPyConnection, business: Business, read: dict[str, SourceTable]
) -> dict[str, str]:
    types = {}
    for table in business.tables:
        row = connection.execute(
            "select data_type from information_schema.columns where table_schema = ? and table_name = ?"
            " and column_name = ?",
            [f"{business.name}_raw", table.raw, table.key],
        ).fetchone()
        is_known = (
            row and connection.execute(f"select 1 from {business.name}_raw.{table.raw} limit 1").fetchone()
        )
        types[table.name] = row[0] if row and is_known else _first_key_type(connection, read.get(table.name))
    return types


def _first_key_type(connection: DuckDBPyConnection, source_table: SourceTable | None) -> str:
    # The first load decides, by the values and not by the file's type: '0012' is a text, 12.0 a number.
    if source_table is None:
        return "BIGINT"
    table = source_table.table
    value = source_table.expressions[table.key]
    relation = f"source_{table.name} as source"
    row = connection.execute(f"select typeof({value}) from {relation} limit 1").fetchone()
    if row is None or row[0] in INTEGERS:
        return "BIGINT"
    text = f"trim(cast({value} as varchar))"
    pattern = KEY_NUMBER + ("" if row[0] == "VARCHAR" else r"(\.0+)?")
    row = connection.execute(
        f"select bool_and(regexp_full_match({text}, {literal(pattern)})) from {relation}"
        f" where nullif({text}, '') is not null and {text} <> 'nan'"
    ).fetchone()
    return "BIGINT" if row is None or row[0] in (True, None) else "VARCHAR"


def _create(connection: DuckDBPyConnection, business: Business, key_types: dict[str, str]) -> None:
    connection.execute(f"create schema if not exists {business.name}_raw")
    connection.execute(f"create schema if not exists {business.name}_quarantine")
    batches.create(connection, business)
    for table in business.tables:
        columns = [
            f"{quote(column.name)} {staging.raw_type(column, key_types, staging.owner_of(table, column))}"
            for column in table.columns
        ]
        columns += ["_loaded_at timestamptz not null", "_batch_id bigint not null", "_deleted_at timestamptz"]
        name = f"{business.name}_raw.{table.raw}"
        connection.execute(f"create table if not exists {name} ({', '.join(columns)})")
        if connection.execute(f"select 1 from {name} limit 1").fetchone() is None:
            # Nothing has decided yet what the keys are.
            connection.execute(f"create or replace table {name} ({', '.join(columns)})")
        quarantine.create(connection, business, table)
