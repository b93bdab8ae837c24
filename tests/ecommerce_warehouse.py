"""A shop's warehouse for tests: dbt run in the project folder, and raw rows made to fall into each trap."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from setia.ecommerce.tables import TABLES

PROJECT = Path(__file__).parents[1] / "src/setia/ecommerce/dbt"
AS_OF = "2024-04-30 17:00:00+00:00"
NEXT_DAY = "2024-05-01 17:00:00+00:00"
TYPES = {
    "float": "double",
    "date": "date",
    "key": "bigint",
    "string": "varchar",
    "decimal": "decimal(18, 4)",
    "boolean": "boolean",
    "timestamp": "timestamptz",
}

RAW: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"customer_id": 1, "email": " Ana@Example.COM ", "first_name": "JEAN  paul".upper(), "last_name": "McDonald", "country": " uk "},
        {"customer_id": 2, "email": "broken@", "first_name": "de la", "last_name": "O'NEILL", "country": "Indonesia"},
        {"customer_id": 3, "email": "   ", "first_name": " ", "last_name": None, "country": "ID"},
        {"customer_id": 4, "email": "two@ats@example.com", "first_name": "Budi", "last_name": "Santoso", "country": "ID"},
        {"customer_id": 5, "email": "five@example.com", "first_name": "Citra", "last_name": "Dewi", "country": "ID"},
        {"customer_id": 6, "email": "six@example.com", "first_name": "Dian", "last_name": "Sari", "country": "ID"},
        {"customer_id": 7, "email": "late@example.com", "created_at": "2024-05-02 00:00:00+00"},
    ],
    "products": [
        {"product_id": 1, "product_name": "Tea", "category": "drinks", "cost_price": 4, "list_price": 10},
        {"product_id": 2, "product_name": "Sample", "category": "drinks", "cost_price": 1, "list_price": 0},
        {"product_id": 3, "product_name": "Mystery", "category": "toys", "cost_price": None, "list_price": 50},
        *({"product_id": key, "product_name": f"Dust {key}", "category": "DUST", "cost_price": 1, "list_price": 2} for key in range(10, 20)),
    ],
    "orders": [
        {"order_id": 1, "customer_id": 1, "order_date": "2024-03-31 17:30:00+00", "status": " Completed ", "shipping_cost": 5, "discount_amount": 3, "tax_amount": 2},
        {"order_id": 2, "customer_id": 2, "order_date": "2024-04-10 03:00:00+00", "status": "COMPLETED", "shipping_cost": None},
        {"order_id": 3, "customer_id": 2, "order_date": "2024-04-11 03:00:00+00", "status": "Canceled"},
        {"order_id": 4, "customer_id": 4, "order_date": "2024-01-15 03:00:00+00", "status": "completed", "shipping_cost": 7},
        {"order_id": 5, "customer_id": 5, "order_date": "2024-04-20 01:00:00+00", "status": "completed"},
        {"order_id": 6, "customer_id": 6, "order_date": "2024-04-20 09:00:00+00", "status": "completed"},
        {"order_id": 7, "customer_id": 1, "order_date": AS_OF, "status": "completed"},
        {"order_id": 8, "customer_id": 1, "order_date": "2024-02-01 00:00:00+00", "status": "completed", "_deleted_at": "2024-04-01 00:00:00+00"},
        {"order_id": 9, "customer_id": 1, "order_date": "2024-04-01 05:00:00+00", "status": "completed", "refunded_amount": 9},
    ],
    "exchange_rates": [],
    "order_items": [
        {"order_item_id": 1, "order_id": 1, "product_id": 1, "quantity": "1.5", "unit_price": 10},
        {"order_item_id": 2, "order_id": 2, "product_id": 1, "quantity": 2, "unit_price": 10, "unit_cost": 3},
        {"order_item_id": 3, "order_id": 2, "product_id": 1, "quantity": -1, "unit_price": 10, "unit_cost": 3},
        {"order_item_id": 4, "order_id": 5, "product_id": 3, "quantity": 1, "unit_price": 50},
        {"order_item_id": 5, "order_id": 6, "product_id": 3, "quantity": 1, "unit_price": 50},
        {"order_item_id": 6, "order_id": 3, "product_id": 1, "quantity": 9, "unit_price": 10},
        {"order_item_id": 7, "order_id": 7, "product_id": 1, "quantity": 9, "unit_price": 10},
        {"order_item_id": 8, "order_id": 8, "product_id": 1, "quantity": 9, "unit_price": 10},
        {"order_item_id": 9, "order_id": 9, "product_id": 2, "quantity": 3, "unit_price": 10},
        {"order_item_id": 10, "order_id": 9, "product_id": 2, "quantity": 1, "unit_price": 10, "is_return": True},
    ],
}  # fmt: skip


def dbt(home: Path, *arguments: str, fails: bool = False) -> str:
    """Runs a dbt command in the project folder, all of its files in `home`; returns what it printed."""
    environment = os.environ | {
        "SETIA_DBT_SAMPLE": str(home / "sample.duckdb"),
        "SETIA_DBT_DUCKDB": str(home / "shop.duckdb"),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_USE_COLORS": "false",
    }
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stdout


def macros(name: str, **read: Any) -> Any:
    """The macros of a file, of the shop's or the shared ones, as functions that return their SQL; `read`: others' values."""
    folders = [PROJECT / "macros", PROJECT.parents[1] / "dbt_macros"]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folders))
    environment.globals |= read
    return environment.get_template(f"{name}.sql").module


def returned(name: str) -> Any:
    """What a macro of the shop gives with `return()`."""
    values: list[Any] = []
    getattr(macros(name, **{"return": lambda value: values.append(value) or ""}), name)()
    return values[0]


def build(home: Path, verb: str, as_of: str) -> str:
    return dbt(home, verb, "--target", "duckdb", "--vars", f"{{as_of: '{as_of}'}}")


def fetch(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def row(file: Path, table: str, key: int) -> dict[str, Any]:
    """The row of that key, by column."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        relation = f"from ecommerce_{table}"
        names = [column[0] for column in connection.execute(f"describe {relation}").fetchall()]
        values = connection.execute(f"{relation} where {names[0]} = {key}").fetchall()
    assert len(values) == 1, f"{table} has {len(values)} rows of {key}"
    return dict(zip(names, values[0], strict=True))


def manifest(file: Path) -> dict[str, Any]:
    """What dbt knew of the project when it last worked on that warehouse."""
    content: dict[str, Any] = json.loads((file.parent / "target/manifest.json").read_text("utf-8"))
    return content


def described(file: Path, model: str) -> dict[str, str]:
    """What the documentation says of each column of a model."""
    columns = manifest(file)["nodes"][f"model.ecommerce_analytics.{model}"]["columns"]
    return {name: column["description"] for name, column in columns.items()}


def write_raw(file: Path, rows: dict[str, list[dict[str, Any]]] = RAW) -> None:
    """The raw tables as the loader leaves them, all of batch 1."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema ecommerce_raw")
        for table in TABLES:
            columns = [f"{column.name} {TYPES[column.type]}" for column in table.columns]
            columns += ["_loaded_at timestamptz default '2024-05-01'", "_batch_id bigint default 1"]
            columns += ["_deleted_at timestamptz"]
            connection.execute(f"create table ecommerce_raw.{table.raw} ({', '.join(columns)})")
            for values in rows[table.name]:
                insert(connection, table.raw, values)


def insert(connection: duckdb.DuckDBPyConnection, raw: str, values: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(values))
    statement = f"insert into ecommerce_raw.{raw} ({', '.join(values)}) values ({marks})"
    connection.execute(statement, list(values.values()))
