"""A video service's warehouse for tests: dbt run on the real project, raw rows written as the loader writes them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from movie_histories import AS_OF, Row
from setia.movie_streaming import tables

PROJECT = Path(tables.__file__).parent / "dbt"
TYPES = {
    "string": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,4)",
    "float": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}


def dbt(folder: Path, *arguments: str) -> None:
    """Run dbt on the real project, writing under `folder` only; fails the test with dbt's last words."""
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    warehouse = str(folder / "warehouse.duckdb")
    places = {"SETIA_DBT_SAMPLE": warehouse, "SETIA_DBT_DUCKDB": warehouse}
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True)
    assert done.returncode == 0, "\n".join(done.stdout.splitlines()[-40:])


def build(folder: Path, name: str, key: str, **rows: list[Row]) -> Path:
    """A warehouse of raw rows with every model built on them and every test passed."""
    folder = folder / "duckdb"
    folder.mkdir(exist_ok=True)
    warehouse = folder / "warehouse.duckdb"  # one path for all: dbt parses again when a profile changes
    write_raw(warehouse, key, **rows)
    key_types = {table.key: "string" if key == "varchar" else "int64" for table in tables.TABLES}
    dbt(folder, "build", "--target", "duckdb", "--vars", json.dumps({"as_of": AS_OF, "key_types": key_types}))
    return warehouse.rename(folder / f"{name}.duckdb")


def write_raw(warehouse: Path, key: str, **rows: list[Row]) -> None:
    """All raw tables as the loader makes them, with the given rows; what a row lacks is NULL."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema movie_streaming_raw")
        for table in tables.TABLES:
            columns = [f"{c.name} {key if c.type == 'key' else TYPES[c.type]}" for c in table.columns]
            columns += ["_loaded_at timestamptz", "_batch_id bigint", "_deleted_at timestamptz"]
            name = f"movie_streaming_raw.{table.raw}"
            connection.execute(f"create table {name} ({', '.join(columns)})")
            if rows.get(table.name):
                names = sorted({column for row in rows[table.name] for column in row})
                content = [{column: row.get(column) for column in names} for row in rows[table.name]]
                connection.register("given", pa.Table.from_pylist(content))
                connection.execute(f"insert into {name} by name select * from given")
                connection.unregister("given")


def fetch(warehouse: Path, query: str) -> list[Row]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(query).to_arrow_table().to_pylist()


def one(warehouse: Path, query: str) -> Any:
    (row,) = fetch(warehouse, query)
    return next(iter(row.values()))
