"""The shop in PostgreSQL, and what raw and quarantine must hold of it by a reckoning of its own."""

import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import adbc_driver_postgresql.dbapi as adbc
import duckdb

from setia import batches, pipeline, postgres
from setia.businesses import BUSINESSES
from setia.settings import Settings

SHOP = BUSINESSES["ecommerce"]
STATUSES = SHOP.table("orders").column("status").values
DECIMALS = {column.name for table in SHOP.tables for column in table.columns if column.type == "decimal"}
ZONE = ZoneInfo("Asia/Jakarta")
KEYS = {"customers": ("customer_id", 40), "orders": ("order_id", 90), "order_items": ("order_item_id", 90)}
Row = dict[str, Any]
Rows = dict[str, Row]


def warehouse(settings: Settings) -> Path:
    return settings.warehouse_file(SHOP.name)


def execute(dsn: str, *statements: str) -> None:
    with postgres.transaction(dsn) as cursor:
        for statement in statements:
            cursor.execute(statement)


def ask(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with postgres.transaction(dsn) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def make(dsn: str, kind: str) -> None:
    """The shop's tables, with one customer and one product.

    `tracked`: as Setia makes them; `plain`: as people do; `undated`: without updated_at, too.
    """
    execute(dsn, "drop schema if exists ecommerce cascade", "create schema ecommerce")
    if kind == "tracked":
        with postgres.transaction(dsn) as cursor:
            postgres.create(cursor, SHOP)
    for table in SHOP.tables if kind != "tracked" else ():
        names = [column for column in table.columns if kind == "plain" or column.name != "updated_at"]
        columns = ", ".join(f"{column.name} {postgres.COLUMN_TYPES[column.type]}" for column in names)
        execute(dsn, f"create table ecommerce.{table.name} ({columns}, primary key ({table.key}))")
    execute(
        dsn,
        "insert into ecommerce.products (product_id) values (1)",
        "insert into ecommerce.customers (customer_id, created_at) values (1, '2024-01-01')",
    )


def orders(first: int, last: int | None = None, customer: int = 1, into: str = "orders") -> str:
    """SQL that inserts completed orders with these keys."""
    return (
        f"insert into ecommerce.{into} (order_id, customer_id, order_date, status, shipping_cost)"
        f" select key, {customer}, '2024-02-01', 'completed', 1.2345"
        f" from generate_series({first}, {last or first}) as key"
    )


def load(settings: Settings, full: bool = False) -> batches.Batch:
    """One load, whose counts must add up."""
    batch = pipeline.load(settings, SHOP, None, full, lambda what, done, of: None)
    counts = batch.tables.values()
    assert len(counts) == len(SHOP.tables)
    assert all(each.rows_in == each.loaded + each.quarantined + each.duplicates for each in counts), batch
    return batch


def unequal(dsn: str, file: Path) -> list[str]:
    """How the warehouse differs from what it must hold of the source; nothing when it does not."""
    found = []
    for where, wanted, there in zip(("raw", "held"), _judged(_source(dsn)), _warehouse(file), strict=True):
        for table, rows in wanted.items():
            keys = sorted({*rows, *there[table]}, key=lambda key: (len(key), key))
            sides = [(key, rows.get(key), there[table].get(key)) for key in keys]
            found += [f"{where} {table} {key}: {must} is {is_}" for key, must, is_ in sides if must != is_]
    return found[:5]


def orphans(file: Path) -> int:
    """How many rows of raw refer to a row that raw does not have."""
    found = 0
    with duckdb.connect(str(file), read_only=True) as connection:
        for table in SHOP.tables:
            for reference in table.references:
                parent = SHOP.table(reference.table)
                row = connection.execute(
                    f"select count(*) from ecommerce_raw.{table.raw} as child where _deleted_at is null"
                    f" and not exists (select 1 from ecommerce_raw.{parent.raw} as parent where"
                    f" parent.{parent.key} = child.{reference.column} and parent._deleted_at is null)"
                ).fetchone()
                found += row[0] if row else 0
    return found


def _source(dsn: str) -> dict[str, Rows]:
    found = {}
    with postgres.transaction(dsn) as cursor:
        cursor.execute("set transaction isolation level repeatable read")
        for table in SHOP.tables:
            cursor.execute(
                "select attname::text from pg_attribute where attnum > 0 and not attisdropped"
                f" and attrelid = 'ecommerce.{table.name}'::regclass"
            )
            there = {row[0] for row in cursor.fetchall()}
            names = [column.name for column in table.columns]
            texts = ", ".join(f"{name}::text" if name in there else "null::text" for name in names)
            cursor.execute(f"select {texts} from ecommerce.{table.name}")
            found[table.name] = _keyed(names, cursor.fetchall())
    return found


def _judged(good: dict[str, Rows]) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """The source's rows that raw must hold, and those that quarantine must, table by table."""
    held: dict[str, Rows] = {name: {} for name in good}

    def hold(table: str, is_bad: Callable[[Row], bool]) -> None:
        held[table] = {key: row for key, row in good[table].items() if is_bad(row)}
        good[table] = {key: row for key, row in good[table].items() if key not in held[table]}

    def order_is_bad(row: Row) -> bool:
        customer = good["customers"].get(row["customer_id"])
        return (
            customer is None
            or row["status"] not in STATUSES
            or float(row["shipping_cost"]) < 0
            or _day(row["order_date"]) < _day(customer["created_at"])
        )

    hold("orders", order_is_bad)
    parents = {"order_id": good["orders"], "product_id": good["products"]}
    hold("order_items", lambda row: any(row[name] not in rows for name, rows in parents.items()))
    return good, held


def _warehouse(file: Path) -> tuple[dict[str, Rows], dict[str, Rows]]:
    raw, held = {}, {}
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table in SHOP.tables:
            names = [column.name for column in table.columns]
            texts = ", ".join(f"cast({name} as varchar)" for name in names)
            kept = f"select {texts} from ecommerce_raw.{table.raw} where _deleted_at is null"
            raw[table.name] = _keyed(names, connection.execute(kept).fetchall())
            ours = f"select cast(_ours as varchar) from ecommerce_quarantine.{table.raw}"
            rows = [json.loads(row[0]) for row in connection.execute(ours).fetchall()]
            held[table.name] = _keyed(names, [tuple(row[name] for name in names) for row in rows])
    return raw, held


def _keyed(names: list[str], rows: list[tuple[Any, ...]]) -> Rows:
    by_key = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    assert len(by_key) == len(rows), f"a {names[0]} is there twice"
    for row in by_key.values():
        row |= {name: _plain(text) for name, text in row.items() if name in DECIMALS and text is not None}
    return by_key


def _plain(number: str) -> str:
    return f"{Decimal(number).quantize(Decimal('0.0001'))}"


def _day(instant: str) -> date:
    return datetime.fromisoformat(instant).astimezone(ZONE).date()


# ---- those who write, and a loader as there are many --------------------------------------


@dataclass
class Writers:
    """What the writers and the loading thread share. Who holds `commits` sees no commit happen."""

    dsn: str
    clock: bool
    loads: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    commits: threading.Lock = field(default_factory=threading.Lock)

    def write(self, number: int) -> int:
        """Random transactions until the end; returns how many were committed."""
        dice, committed = random.Random(number), 0
        with adbc.connect(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("set lock_timeout = '100ms'")
            connection.commit()
            while not self.ended.is_set():
                with suppress(adbc.Error):
                    self.transact(cursor, dice)
                    if dice.random() < 0.85:
                        with self.commits:
                            connection.commit()
                        committed += 1
                        continue
                connection.rollback()
        return committed

    def transact(self, cursor: Any, dice: random.Random) -> None:
        """Some changes with pauses, one transaction in ten stays open over several loads."""
        until = self.loads + (dice.randint(1, 6) if dice.random() < 0.1 else 0)
        for _ in range(dice.randint(1, 5)):
            cursor.execute("savepoint before")
            try:
                cursor.execute(self.change(dice))
                if dice.random() < 0.15:
                    cursor.execute("rollback to savepoint before")
            except adbc.Error:
                cursor.execute("rollback to savepoint before")
            time.sleep(dice.uniform(0, 0.1))
        while self.loads < until and not self.ended.is_set():
            time.sleep(0.01)

    def change(self, dice: random.Random) -> str:
        """One random statement."""
        table = dice.choice(list(KEYS))
        name, size = KEYS[table]
        one, other = dice.randint(1, size), dice.randint(1, size)
        to, where = f"ecommerce.{table}", f"where {name} = {one}"
        moment = dice.choice(("now()", "null", "'2001-02-03 04:05:06.789+00'"))
        clock = f", updated_at = {moment}" if self.clock and dice.random() < 0.6 else ""
        what = {
            "customers": ("email", "created_at", f"'{dice.random()}', '{dice.choice((2024, 2025))}-01-01'"),
            "orders": (
                "shipping_cost",
                "customer_id, order_date, status",
                f"{dice.randint(-1, 9)}, {dice.randint(1, 44)}, '2024-06-0{dice.randint(1, 9)}',"
                f" '{dice.choice(('completed', 'shipped', 'cancelled', 'eaten'))}'",
            ),
            "order_items": (
                "unit_price",
                "order_id, product_id, quantity",
                f"{dice.random():.4f}, {dice.randint(1, 99)}, {dice.choice((1, 1, 1, 2))}, 3",
            ),
        }
        changed, others, values = what[table]
        return dice.choice(
            (
                f"insert into {to} ({name}, {changed}, {others}) values ({one}, {values})",
                f"insert into {to} ({name}, {changed}, {others}) values ({one}, {values})"
                f" on conflict ({name}) do update set {changed} = excluded.{changed}",
                f"update {to} set {changed} = {dice.randint(0, 99)}{clock} {where}",
                f"update {to} set {name} = {other}{clock} {where}",
                f"delete from {to} {where}",
            )
        )


class Cursor:
    """A loader as there are many: what is newer than the newest."""

    def __init__(self, column: str) -> None:
        self.column, self.keys, self.newest = column, set[int](), "-infinity"

    def read(self, dsn: str) -> None:
        query = f"select order_id, {self.column}::text from ecommerce.orders where {self.column} > '{self.newest}'"
        for key, at in sorted(ask(dsn, query), key=lambda row: str(row[1])):
            self.keys.add(key)
            self.newest = at
