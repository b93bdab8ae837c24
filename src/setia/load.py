"""Source -> raw, one transaction a batch: every row is loaded, quarantined with its rule, or a duplicate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import duckdb
from duckdb import DuckDBPyConnection

from setia import assumptions, batches, derive, quarantine, raw, staging
from setia import drift as drifting
from setia.batches import Batch, TableCounts
from setia.compare import compare
from setia.errors import MemoryShortage, SetiaError, SourceError, WarehouseError
from setia.fill import fill
from setia.merge import Incoming, Job, merge
from setia.schema import Business, Table
from setia.sources import Source, SourceTable, reading
from setia.staging import Origin, Rules
from setia.warehouses import quote

Progress = Callable[[str], None]
# Counting a table's rows costs the server 30 ns each, at every load: a larger table's deletions wait until it
# is compared as a whole.
COUNTED_UP_TO = 1_000_000


@dataclass(frozen=True)
class Options:
    """`carry`: columns that we do not know are taken into raw as text, and not only reported.

    `frugal`: keeps memory small, and raises MemoryShortage where rows are too large for that.
    """

    carry: bool = False
    frugal: bool = False


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
    connection: DuckDBPyConnection,
    business: Business,
    source: Source,
    zone: str,
    progress: Progress,
    options: Options | None = None,
) -> Batch:
    """Merges an opened source into raw and returns the batch. Call it inside `transaction`.

    Guarantees: nothing twice; an older version never replaces a newer one; a row that breaks a rule is
    in quarantine, whole; quarantined rows are tried again once their cause may be gone, and released.
    """
    options = options or Options()
    loaded_at = datetime.now(UTC)
    raw.create_schemas(connection, business)
    newest = batches.newest(connection, business)
    mark = newest["mark"] if newest else {}
    drift = drifting.drift(source, mark, options.carry)
    there = raw.layout(connection, business)
    derive.insist(connection, business, source, there, mark)
    source, business = drifting.extend(business, source, there, options.carry)
    read = {
        each.table.name: (each, staging.origin_of(connection, each, source.zone)) for each in source.tables
    }
    key_types = raw.key_types(connection, business, there, read)
    raw.create(connection, business, there, key_types)
    rules = Rules(business, key_types, zone, derived=derive.derived(business, source, mark))
    job = Job(connection, rules, batches.next_id(connection, business), loaded_at, options.frugal)
    for name in mark.get("alike", []):
        if name in read:
            read[name] = (replace(read[name][0], changes=None), read[name][1])
    derive.look_up(connection, rules, read)
    read = {
        name: (each, staging.deriving(each.table, origin, rules)) for name, (each, origin) in read.items()
    }
    counts = {}
    for table in business.tables:
        if table.name in read:
            progress(f"load {table.name}")
            counts[table.name] = _load_table(job, *read[table.name])
        else:
            counts[table.name] = merge(job, table, None)
    data_through = source.covered_until or batches.data_through(connection, business, zone)
    assumed = assumptions.assumptions(connection, rules, read, counts)
    batch = Batch(job.batch_id, loaded_at, source.name, data_through, counts, drift, assumed)
    told = {"columns": drifting.columns(source), "alike": sorted(job.alike)}
    told |= {"derived": [".".join(place) for place in rules.derived]}
    batches.record(connection, business, batch, source.mark | told)
    return batch


def _load_table(job: Job, source_table: SourceTable, origin: Origin) -> TableCounts:
    counts = None
    if source_table.changes is None and _is_empty(job, source_table):
        with reading(source_table):
            is_unique = source_table.unique and not _has_alike(job, source_table)
            counts = fill(job, replace(source_table, unique=is_unique), origin)
    if counts is None:
        counts = merge(job, source_table.table, _incoming(job, source_table, origin))
    if source_table.rejects:
        batch = (job.batch_id, job.now)
        rejected = quarantine.keep_rejects(job.connection, job.rules.business, source_table, batch)
        both = counts.rows_in + rejected, counts.quarantined + rejected
        counts = replace(counts, rows_in=both[0], quarantined=both[1])
    return counts


def _is_empty(job: Job, source_table: SourceTable) -> bool:
    """Whether raw has no row of the table, and quarantine none that counts beside what the source says."""
    table, business = source_table.table, job.rules.business
    if job.connection.execute(f"select 1 from {job.raw(table)} limit 1").fetchone():
        return False
    if source_table.complete:
        quarantine.forget(job.connection, business, table)
    return not quarantine.holds(job.connection, business, table)


def _incoming(job: Job, source_table: SourceTable, origin: Origin) -> Incoming | None:
    """What has to be staged: what changed where the source tells, what differs where keys are unique."""
    changes, read = source_table.changes, replace(origin, relation="incoming")
    if changes:
        _materialise(job, source_table, changes.relation)
        if changes.deleted:
            _deleted_since(job, source_table, read, changes.deleted)
        is_told = changes.deleted or not _is_some_deleted(job, source_table, read, str(changes.count))
        if is_told and not _is_spaced(job, source_table, read):
            anything = ("incoming", "gone") if changes.deleted else ("incoming",)
            there = _has(job, *anything)
            return Incoming(source_table, read, has_gone=bool(changes.deleted)) if there else None
    if _has_alike(job, source_table):
        source_table = replace(source_table, unique=False)
    if source_table.unique and source_table.complete:
        with reading(source_table):
            return compare(job, source_table, origin)
    _materialise(job, source_table, source_table.relation)
    if source_table.complete:
        _not_in_incoming(job, source_table.table, read)
    return Incoming(source_table, read, has_gone=source_table.complete, whole=source_table.complete)


def explain(error: duckdb.Error) -> SetiaError:
    """A DuckDB error of a load as one that a person can act on."""
    first = str(error).splitlines()[0]
    if "No space left" in str(error) or "max_temp_directory_size" in str(error):
        return WarehouseError(
            f"The disk is full: {first}",
            "Nothing was lost: the warehouse is as it was before this step.",
            "Free some space and repeat the command.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return MemoryShortage(
            f"There was not enough memory: {first}",
            "Nothing was lost: the warehouse is as it was before this step.",
            "Allow more and repeat the command:  export SETIA_MEMORY_LIMIT=6GB",
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
    # After a failed commit, a fatal error or the server's end DuckDB has rolled back by itself; that it says
    # so must not hide what went wrong before.
    with suppress(duckdb.Error):
        connection.execute("rollback")


def _has_alike(job: Job, source_table: SourceTable) -> bool:
    """Whether two keys of the source may be one to us; remembered, so that the next load reads all again."""
    if source_table.alike is None or job.connection.execute(source_table.alike).fetchone() is None:
        return False
    job.alike.add(source_table.table.name)
    return True


def _is_spaced(job: Job, source_table: SourceTable, read: Origin) -> bool:
    key = f"cast({read.expressions[source_table.table.key]} as varchar)"
    spaced = f"select 1 from incoming as source where {key} <> trim({key}) limit 1"
    return source_table.alike is not None and job.connection.execute(spaced).fetchone() is not None


def _has(job: Job, *names: str) -> bool:
    """Whether any of these temporary tables has a row."""
    anything = " union all ".join(f"(select 1 from {name} limit 1)" for name in names)
    return job.connection.execute(anything).fetchone() is not None


def _materialise(job: Job, source_table: SourceTable, relation: str) -> None:
    with reading(source_table):
        job.connection.execute(f"create or replace temp table incoming as {relation}")


def _deleted_since(job: Job, source_table: SourceTable, read: Origin, deleted: str) -> None:
    """Leaves in `gone` the keys that were deleted since the last read and did not come back."""
    table = source_table.table
    key, target = quote(table.key), job.rules.key_types[table.name]
    typed = staging.typed(table, read, job.rules.key_types)[table.key]
    job.connection.execute(
        f"create or replace temp table gone as select try_cast(trim(key) as {target}) as {key}, trim(key) as _name"
        f" from ({deleted}) as deleted(key)"
    )
    job.connection.execute(f"delete from gone where {key} in (select {typed} from incoming as source)")


def _not_in_incoming(job: Job, table: Table, read: Origin) -> None:
    key = quote(table.key)
    typed = staging.typed(table, read, job.rules.key_types)[table.key]
    job.connection.execute(
        f"create or replace temp table gone as select {key}, cast({key} as varchar) as _name"
        f" from {job.raw(table)} where _deleted_at is null"
        f" and {key} not in (select {typed} from incoming as source where {typed} is not null)"
    )


def _is_some_deleted(job: Job, source_table: SourceTable, read: Origin, count: str) -> bool:
    """Whether some rows of the source were deleted, told by their number.

    Every key that the source has is in raw, held, or coming in now: there are as many rows as such keys, or
    fewer when some were deleted. More there are when a rule of the server showed us less before.
    """
    table, alive = source_table.table, job.alive(source_table.table)
    if not source_table.unique or alive > COUNTED_UP_TO:
        return False
    key, target = quote(table.key), job.rules.key_types[table.name]
    row = job.connection.execute(
        f"with others as ({quarantine.keys(job.rules.business, table)}"
        f" union select trim(cast({read.expressions[table.key]} as varchar)) from incoming as source)"
        f" select {alive} + count(*) filter (coalesce(try_cast(key as {target}) not in"
        f" (select {key} from {job.raw(table)} where _deleted_at is null), true)),"
        f" ({count}) from others as other(key)"
    ).fetchone()
    assert row is not None
    return bool(row[0] != row[1])
