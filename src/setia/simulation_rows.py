"""Arrow rows of the simulated tables: columns from numpy arrays, versions of a row, what is in force when."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pyarrow
import pyarrow.compute

from setia.schema import Table

# The stubs of pyarrow reject calls whose types are only known at run time, which is all of them here.
pa: Any = pyarrow
pc: Any = pyarrow.compute

DAY = 86_400_000_000  # microseconds; the zone has no summer time
NEVER = np.iinfo(np.int64).min  # NULL in arrays of instants, keys and money
NO_DATE = np.iinfo(np.int32).min  # NULL in arrays of dates
INSTANT = pa.timestamp("us", "UTC")
MONEY = pa.decimal128(18, 4)
PLANTED: pyarrow.Schema = pa.schema([("table", pa.string()), ("key", pa.int64()), ("kind", pa.string())])
TYPES: dict[str, pyarrow.DataType] = {
    "key": pa.int64(),
    "string": pa.string(),
    "integer": pa.int64(),
    "decimal": MONEY,
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": INSTANT,
}

Values = Any  # a numpy array, pa.Array or pa.ChunkedArray


def arrow_schema(table: Table) -> pyarrow.Schema:
    """The Arrow schema of a table: integer keys, money decimal(18,4), date32, timestamp[us, UTC]."""
    schema: pyarrow.Schema = pa.schema([(column.name, TYPES[column.type]) for column in table.columns])
    return schema


def arrow_column(kind: str, values: Values) -> Any:
    """An Arrow column of a `schema.Type` from numpy values, or the Arrow values themselves.

    Instants are microseconds, dates days since 1970, money ten-thousandths, all integers; NEVER, NO_DATE and
    NaN become NULL. Arrow strings may be dictionary-encoded and stay so.
    """
    if isinstance(values, (pyarrow.Array, pyarrow.ChunkedArray)):
        return values
    if kind == "float":
        return pa.array(np.array(values, dtype=np.float64), from_pandas=True)
    if kind == "boolean":
        return pa.array(values)
    # A copy: the simulation goes on changing its own arrays.
    values = np.array(values, dtype=np.int32 if kind == "date" else np.int64, order="C")
    missing = values == (NO_DATE if kind == "date" else NEVER)
    bitmap = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    if kind == "decimal":
        values = np.stack([values, values >> 63], axis=1)
    return pa.Array.from_buffers(TYPES[kind], len(values), [bitmap, pa.py_buffer(values)])


def versions(
    table: Table, columns: Mapping[str, Values], at: Values, until: Values | None = None
) -> pyarrow.Table:
    """Row versions of a table for `Day`: its columns in order, then `_at` and `_until`.

    `updated_at` is `at`; an absent column is NULL. `until` left out means that no later version follows.
    """
    written = arrow_column("timestamp", at)
    count = len(written)
    arrays = [
        written
        if column.name == "updated_at"
        else arrow_column(column.type, columns[column.name])
        if column.name in columns
        else pa.nulls(count, TYPES[column.type])
        for column in table.columns
    ]
    ended = pa.nulls(count, INSTANT) if until is None else arrow_column("timestamp", until)
    names = [column.name for column in table.columns]
    return pyarrow.Table.from_arrays([*arrays, written, ended], names=[*names, "_at", "_until"])


def planted_rows(table: str, keys: Values, kind: str) -> pyarrow.Table:
    """Rows for `Day.planted`: one kind of dirt on these keys of a table."""
    count = len(keys)
    columns = [pa.repeat(table, count), arrow_column("key", keys), pa.repeat(kind, count)]
    return pyarrow.Table.from_arrays(columns, schema=PLANTED)


def plain(rows: pyarrow.Table) -> pyarrow.Table:
    """The same rows with every string column decoded, so that tables of different days fit together."""
    types = [
        pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in rows.schema
    ]
    return rows.cast(pa.schema(types))


def instants(rows: pyarrow.Table, name: str) -> np.ndarray[Any, Any]:
    """A column of instants as microseconds; a NULL counts as the end of time."""
    values = rows.column(name).combine_chunks().cast(pa.int64())
    return cast("np.ndarray[Any, Any]", pc.fill_null(values, np.iinfo(np.int64).max).to_numpy())


def source_columns(rows: pyarrow.Table) -> pyarrow.Table:
    """The rows as the source has them, without `_at` and `_until`."""
    return rows.select([name for name in rows.column_names if name not in ("_at", "_until")])


def newest(rows: pyarrow.Table) -> pyarrow.Table:
    """One row a key (the first column), the one written last, in the order of the keys."""
    keys = rows.column(0).combine_chunks().to_numpy(zero_copy_only=False)
    order = np.lexsort((instants(rows, "_at"), keys))
    last = np.append(keys[order][1:] != keys[order][:-1], True) if len(order) else np.zeros(0, bool)
    return rows.take(pa.array(order[last]))


def content(rows: pyarrow.Table, until: int) -> pyarrow.Table:
    """Of all versions, those in force at that instant (microseconds, exclusive)."""
    at, ended = instants(rows, "_at"), instants(rows, "_until")
    in_force = (at < until) & (ended >= until)
    return rows if in_force.all() else rows.filter(pa.array(in_force))
