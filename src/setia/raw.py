"""The tables of raw: made, and made anew while nothing has decided what their keys are."""

from duckdb import DuckDBPyConnection

from setia import batches, quarantine, rebuild, staging
from setia.schema import Business, Table
from setia.sources import SourceTable, reading
from setia.staging import INTEGERS, KEY_NUMBER, Origin
from setia.warehouses import literal, quote

Layout = dict[str, dict[str, str]]
BOOKKEEPING = ("_loaded_at", "_batch_id", "_deleted_at")


def create_schemas(connection: DuckDBPyConnection, business: Business) -> None:
    """Makes the schemas of raw and quarantine, and the tables of bookkeeping, when they are not there."""
    connection.execute(f"create schema if not exists {business.name}_raw")
    connection.execute(f"create schema if not exists {business.name}_quarantine")
    batches.create(connection, business)
    rebuild.create(connection, business)


def layout(connection: DuckDBPyConnection, business: Business) -> Layout:
    """The columns, with their types, that each table has in raw; a table that is not there has none."""
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        f" where schema_name = {literal(business.name + '_raw')} and database_name = current_database()"
        " order by column_index"
    ).fetchall()
    there: Layout = {table.name: {} for table in business.tables}
    names = {table.raw: table.name for table in business.tables}
    for table_name, name, kind in rows:
        if table_name in names and name not in BOOKKEEPING:
            there[names[table_name]][name] = kind
    return there


def key_types(
    connection: DuckDBPyConnection,
    business: Business,
    there: Layout,
    read: dict[str, tuple[SourceTable, Origin]],
) -> dict[str, str]:
    """The type of each table's key: as raw has it, or as a source that says everything decides anew."""
    known = {}
    for table in business.tables:
        is_there = there[table.name] and (
            _has_rows(connection, business, table) or quarantine.holds(connection, business, table)
        )
        if is_there:
            known[table.name] = there[table.name][table.key]
    says_all = all(name in read and _is_whole(read[name][0]) for name in known)
    types = {}
    for table in business.tables:
        if table.name in known and not says_all:
            types[table.name] = known[table.name]
        else:
            types[table.name] = _decided(connection, *read[table.name]) if table.name in read else "BIGINT"
    return types


def contract_types(connection: DuckDBPyConnection, business: Business) -> dict[str, str]:
    """The type of each table's key in the words of dbt's contracts, by the key's name."""
    there = layout(connection, business)
    texts = {table.key for table in business.tables if there[table.name].get(table.key) == "VARCHAR"}
    return {table.key: "string" if table.key in texts else "int64" for table in business.tables}


def create(connection: DuckDBPyConnection, business: Business, there: Layout, types: dict[str, str]) -> None:
    """Makes raw and quarantine of every table, adds columns that are new, and empties what has other keys."""
    for table in business.tables:
        wanted = {
            column.name: staging.raw_type(column, types, staging.owner_of(table, column))
            for column in table.columns
        }
        name, found = f"{business.name}_raw.{table.raw}", there[table.name]
        keys = {column.name for column in table.columns if column.type == "key"}
        same_keys = all(found.get(column) == wanted[column] for column in keys)
        if found and same_keys and _has_rows(connection, business, table):
            for column in wanted.keys() - found.keys():
                connection.execute(f"alter table {name} add column {quote(column)} {wanted[column]}")
            for column in (column for column in found if wanted[column] != found[column]):
                connection.execute(f"alter table {name} alter {quote(column)} type {wanted[column]}")
        elif wanted != found:
            described = ", ".join(f"{quote(column)} {kind}" for column, kind in wanted.items())
            connection.execute(
                f"create or replace table {name} ({described}, _loaded_at timestamptz not null,"
                " _batch_id bigint not null, _deleted_at timestamptz)"
            )
        if not found:
            quarantine.create(connection, business, table)


def _has_rows(connection: DuckDBPyConnection, business: Business, table: Table) -> bool:
    query = f"select 1 from {business.name}_raw.{table.raw} limit 1"
    return connection.execute(query).fetchone() is not None


def _is_whole(source_table: SourceTable) -> bool:
    return source_table.complete and source_table.changes is None


def _decided(connection: DuckDBPyConnection, source_table: SourceTable, origin: Origin) -> str:
    # By the values and not by the file's type: '0012' is a text, 12.0 a number.
    key = source_table.table.key
    source_type = origin.types[key]
    if source_type in INTEGERS:
        return "BIGINT"
    text = f"trim(cast({origin.expressions[key]} as varchar))"
    pattern = KEY_NUMBER + ("" if source_type == "VARCHAR" else r"(\.0+)?")
    with reading(source_table):
        row = connection.execute(
            f"select bool_and(regexp_full_match({text}, {literal(pattern)})) from {origin.relation} as source"
            f" where nullif({text}, '') is not null and {text} <> 'nan'"
        ).fetchone()
    return "BIGINT" if row is None or row[0] in (True, None) else "VARCHAR"
