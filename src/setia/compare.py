"""A whole table of the source against raw, key by key: only what differs is staged, whatever the clock says."""

from setia import rebuild, staging
from setia.merge import Incoming, Job
from setia.sources import SourceTable
from setia.staging import Origin
from setia.warehouses import quote


def compare(job: Job, source_table: SourceTable, origin: Origin) -> Incoming:
    """Reads every row of a source with unique keys; leaves in `incoming` those that are new or differ.

    `gone` holds the keys that raw has and the source has not. Rows of one key are compared by a hash of
    all typed values, so that raw's side is two numbers a row: a difference is overlooked once in 2**64.
    """
    table = source_table.table
    key, places = quote(table.key), [f"_c{place}" for place in range(1, len(source_table.columns) + 1)]
    typed = staging.typed(table, origin, job.rules.key_types)
    theirs = ", ".join(f"source.{place}" for place in places)
    ours = ", ".join(quote(column.name) for column in table.columns)
    # Nothing makes a row twice; should one be there, it comes anew from the source.
    twice = f"select {key} from {job.raw(table)} group by all having count(*) > 1"
    row = job.connection.execute(f"delete from {job.raw(table)} where {key} in ({twice})").fetchone()
    if row and row[0]:
        rebuild.note_all(job.connection, job.rules.business, table, job.batch_id)
    before = job.alive(table)
    job.connection.execute(
        f"create or replace temp table compared as select {', '.join(places)}, came, kept.key from"
        f" (select {theirs}, true as came, {typed[table.key]} as key, hash({', '.join(typed.values())}) as hash"
        f"  from {origin.relation} as source) as read full join"
        f" (select {key} as key, hash({ours}) as hash from {job.raw(table)} where _deleted_at is null) as kept"
        " on read.key = kept.key"
        " where read.key is null or kept.key is null or read.hash <> kept.hash"
    )
    job.connection.execute(
        f"create or replace temp table gone as select key as {key}, cast(key as varchar) as _name"
        " from compared where came is null"
    )
    job.connection.execute(
        f"create or replace temp table incoming as select {', '.join(places)} from compared where came"
    )
    row = job.connection.execute("select count(*) filter (key is not null) from compared").fetchone()
    assert row is not None
    job.connection.execute("drop table compared")
    read = Origin("source", "incoming", origin.expressions, origin.types, origin.zone)
    return Incoming(source_table, read, has_gone=True, unchanged=before - row[0], whole=True)
