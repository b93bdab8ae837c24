"""Rows that broke a rule, whole, with the rule: one table per raw table, and what would fix them."""

from collections.abc import Mapping
from typing import Any

from duckdb import DuckDBPyConnection

from setia.schema import Business, Table
from setia.sources import SourceTable
from setia.staging import Origin, as_text
from setia.warehouses import literal, quote

FIXES = {
    "missing_key": "Give the row a key in the source.",
    "not_parseable": "Write the value as the column's type asks, or map the right column.",
    "missing_value": "Fill the value in the source.",
    "conflicting_owner": "Correct the rows that name different owners, or name the owner in a column.",
    "unknown_owner": "Load a row that tells the owner, or name it in a column; this row is then released.",
    "unknown_value": "Use a known value, or translate it in the mapping: [tables.T.values.COLUMN].",
    "impossible_value": "Correct the value in the source.",
    "end_before_start": "Correct the two dates in the source.",
    "orphan": "Load the row it refers to; this row is then released by itself.",
    "owner_mismatch": "Correct the owner of this row or of the row it refers to.",
    "before_parent": "Correct the date of this row, or the date on which the row it refers to began.",
}


def create(connection: DuckDBPyConnection, business: Business, table: Table) -> None:
    """Makes the quarantine of a table when it is not there."""
    connection.execute(
        f"create table if not exists {_name(business, table)} (_batch_id bigint not null,"
        " _quarantined_at timestamptz not null, _rule varchar not null, _column varchar, _key varchar,"
        " _zone varchar not null, _row json not null, _ours json)"
    )


def origin(business: Business, table: Table, where: str) -> Origin:
    """The held rows for which the condition holds as an origin of staging: every value as the text it came as."""
    return Origin(
        name="quarantine",
        relation=f"(select rowid as _n, _ours, _zone from {_name(business, table)} where {where})",
        expressions={column.name: ours(column.name) for column in table.columns},
        types={column.name: "VARCHAR" for column in table.columns},
        zone="source._zone",
        number="_n",
    )


def ours(column: str) -> str:
    """SQL of a held row's value of our column, as text."""
    return f"(source._ours ->> {_pointer(column)})"


def _pointer(name: str) -> str:
    """SQL of the place of a name in a JSON object, whatever is in the name (RFC 6901)."""
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))


def key_is_in(column: str, keys: str) -> str:
    """SQL: whether a held row's value of our key column is among `keys`, which raw holds, as texts."""
    return _is_in(f"trim(_ours ->> {_pointer(column)})", keys)


def is_of(keys: str) -> str:
    """SQL: whether a held row's own key is among `keys`, as texts."""
    return _is_in("trim(_key)", keys)


def _is_in(text: str, keys: str) -> str:
    return f"({text} in {keys} or cast(try_cast({text} as bigint) as varchar) in {keys})"


def holds(
    connection: DuckDBPyConnection, business: Business, table: Table, rules: tuple[str, ...] = ()
) -> bool:
    """Whether any row of the table is held, that broke one of these rules when some are named."""
    among = f"where _rule in {rules}" if rules else ""
    query = f"select 1 from {_name(business, table)} {among} limit 1"
    return connection.execute(query).fetchone() is not None


def keys(business: Business, table: Table) -> str:
    """SQL of the held rows' keys, as text."""
    return f"select trim(_key) from {_name(business, table)} where _key is not null"


def count(business: Business, table: Table) -> str:
    """SQL of how many rows are held."""
    return f"select count(*) from {_name(business, table)}"


def as_held(source_table: SourceTable, origin: Origin) -> dict[str, str]:
    """What is held of a row of the source, as SQL: its key, zone, the row as it came, and ours as text."""
    places = enumerate(source_table.columns, 1)
    as_it_came = ", ".join(f"{literal(theirs)}, source._c{place}" for place, theirs in places)
    return {
        "_key": f"cast({origin.expressions[source_table.table.key]} as varchar)",
        "_zone": origin.zone,
        "_row": f"json_object({as_it_came})",
        "_ours": _texts(
            source_table.table,
            {name: as_text(sql, origin.types[name]) for name, sql in origin.expressions.items()},
        ),
    }


def receive(
    connection: DuckDBPyConnection, business: Business, table: Table, raw: str, batch: tuple[int, str]
) -> None:
    """Moves here, to an empty quarantine, the rows of raw whose column `_held` says why."""
    held = ", ".join(f"_held[{place}]" for place in range(1, 7))
    connection.execute(
        f"insert into {_name(business, table)} select distinct {batch[0]}, {batch[1]}, {held} from {raw}"
        " where _held is not null order by all"
    )
    connection.execute(f"delete from {raw} where _held is not null")


def forget(connection: DuckDBPyConnection, business: Business, table: Table) -> None:
    """Lets go of every held row: a complete source is about to say all there is."""
    connection.execute(f"delete from {_name(business, table)}")


def drop_gone(connection: DuckDBPyConnection, business: Business, table: Table) -> None:
    """Lets go of held rows whose keys are in `gone`: the source has them no more."""
    connection.execute(f"delete from {_name(business, table)} where {is_of('(select _name from gone)')}")


def keep(
    connection: DuckDBPyConnection,
    business: Business,
    table: Table,
    source: tuple[SourceTable, Origin] | None,
    batch: tuple[int, str],
    whole: bool = False,
) -> None:
    """Makes the quarantine hold the bad rows of `stage`; held rows that are not in it stay as they are.

    A row that is still bad keeps the batch in which it came; one that came again, the same, is held once.
    When the source was read `whole` it has said all there is: nothing else stays.
    """
    name = _name(business, table)
    connection.execute(
        f"delete from {name} where rowid in (select _n from stage where _origin = 'quarantine'"
        " and (_rule is null or _rule in ('duplicate', 'unchanged')))"
    )
    connection.execute(
        f"update {name} as held set _rule = stage._rule, _column = stage._column from stage"
        " where stage._origin = 'quarantine' and stage._n = held.rowid"
        " and (stage._rule, stage._column) is distinct from (held._rule, held._column)"
    )
    if source is None:
        return
    columns = ", ".join(f"{sql} as {column}" for column, sql in as_held(*source).items())
    connection.execute(
        "create or replace temp table bad as select distinct on (_key, _row, _ours) * from"
        f" (select stage._rule, stage._column, {columns} from {source[1].relation} as source"
        f"  join stage on stage._origin = 'source' and stage._n = source.{source[1].number}"
        "  where stage._rule not in ('duplicate', 'unchanged')) order by _rule, _column, _key, _row"
    )
    same = "(held._key, held._row, held._ours) is not distinct from (bad._key, bad._row, bad._ours)"
    if whole:
        connection.execute(f"delete from {name} as held where not exists (select 1 from bad where {same})")
    connection.execute(
        f"update {name} as held set _rule = bad._rule, _column = bad._column from bad"
        f" where {same} and (bad._rule, bad._column) is distinct from (held._rule, held._column)"
    )
    connection.execute(
        f"insert into {name} select {batch[0]}, {batch[1]}, * from bad"
        f" where not exists (select 1 from {name} as held where {same})"
    )


def keep_rejects(
    connection: DuckDBPyConnection,
    business: Business,
    source_table: SourceTable,
    batch: tuple[int, str],
) -> int:
    """Holds the lines that were no rows at all, as text; returns how many the source had."""
    name = _name(business, source_table.table)
    lines = f"(select csv_line as line from ({source_table.rejects}))"
    connection.execute(
        f"insert into {name} select distinct {batch[0]}, {batch[1]}, 'not_parseable', null, null, '',"
        f" to_json(line), null from {lines} where to_json(line) not in (select _row from {name} where _ours is null)"
    )
    row = connection.execute(f"select count(*) from {lines}").fetchone()
    return int(row[0]) if row else 0


def withdraw(
    connection: DuckDBPyConnection,
    business: Business,
    table: Table,
    query: str,
    batch: tuple[int, str, str],
) -> int:
    """Moves rows of raw, with the rule and the column that they break now, into quarantine; returns how many.

    `query` selects our columns of raw and then the rule and the column.
    """
    raw, key = f"{business.name}_raw.{table.raw}", quote(table.key)
    names = [column.name for column in table.columns]
    aliases = ", ".join(quote(name) for name in (*names, "_rule", "_column"))
    connection.execute(f"create or replace temp table withdrawn as select * from ({query}) as one({aliases})")
    row = connection.execute("select count(*) from withdrawn").fetchone()
    if row is None or not row[0]:
        return 0
    ours = {name: f"source.{quote(name)}" for name in names}
    values = ", ".join(f"{quote(name)} := {sql}" for name, sql in ours.items())
    connection.execute(
        f"insert into {_name(business, table)} select {batch[0]}, {batch[1]}, _rule, _column, cast({key} as varchar),"
        f" {literal(batch[2])}, to_json(struct_pack({values})), {_texts(table, ours)} from withdrawn as source"
        # Not beside the same row that came again in this batch; another version of it may be held, too.
        f" where (cast({key} as varchar), _rule) not in"
        f" (select (_key, _rule) from {_name(business, table)} where _key is not null)"
    )
    connection.execute(f"delete from {raw} where {key} in (select {key} from withdrawn)")
    return int(row[0])


def rows(
    connection: DuckDBPyConnection,
    business: Business,
    table: str | None = None,
    rule: str | None = None,
    limit: int = 20,
) -> list[dict[str, Any]]:
    """Held rows, newest batch first, each with its rule, its column and what would fix it."""
    found: list[dict[str, Any]] = []
    for each in business.tables:
        if table in (None, each.name, each.raw):
            fetched = connection.execute(
                "select _batch_id, _quarantined_at, _rule, _column, _key, cast(_row as varchar)"
                f" from {_name(business, each)} where _rule = coalesce(?, _rule)"
                " order by _batch_id desc, _rule, _key limit ?",
                [rule, limit - len(found)],
            ).fetchall()
            names = ("batch_id", "quarantined_at", "rule", "column", "key", "row")
            found += [
                {"table": each.name} | dict(zip(names, row, strict=True)) | {"fix": FIXES[row[2]]}
                for row in fetched
            ]
    return found


def summary(
    connection: DuckDBPyConnection, business: Business, table: str | None = None, rule: str | None = None
) -> list[dict[str, Any]]:
    """How many rows are held, per table, rule and column."""
    found: list[dict[str, Any]] = []
    for each in business.tables:
        if table in (None, each.name, each.raw):
            fetched = connection.execute(
                f"select _rule, _column, count(*) from {_name(business, each)}"
                " where _rule = coalesce(?, _rule) group by all order by 3 desc, 1, 2",
                [rule],
            ).fetchall()
            found += [
                {"table": each.name, "rule": broken, "column": column, "rows": count, "fix": FIXES[broken]}
                for broken, column, count in fetched
            ]
    return found


def _name(business: Business, table: Table) -> str:
    return f"{business.name}_quarantine.{table.raw}"


def _texts(table: Table, expressions: Mapping[str, str]) -> str:
    """SQL of our columns as a JSON object of texts, which `origin` reads again."""
    texts = ", ".join(
        f"{quote(column.name)} := cast({expressions[column.name]} as varchar)" for column in table.columns
    )
    return f"to_json(struct_pack({texts}))"
