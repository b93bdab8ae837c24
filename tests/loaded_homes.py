"""A home that loads, what its warehouse holds, and a source in PostgreSQL: what the tests of loads share."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setia import pipeline, postgres
from setia.batches import Batch
from setia.businesses import BUSINESSES
from setia.reconcile import Reconciliation
from setia.schema import Business
from setia.settings import load as load_settings
from setia.warehouses import connect, quote

SHOP = BUSINESSES["ecommerce"]
CUSTOMER = "insert into ecommerce.customers (customer_id, created_at) values (1, '2024-01-01')"


def order(key: Any, customer: Any = 1, /, **more: str) -> str:
    """SQL that inserts a completed order; `more` are columns with their values as SQL."""
    values = {"order_id": repr(key), "customer_id": repr(customer), "order_date": "'2024-02-01'"}
    values |= {"status": "'completed'", "shipping_cost": "1"} | more
    names = ", ".join(quote(name) for name in values)
    return f"insert into ecommerce.orders ({names}) values ({', '.join(values.values())})"


def execute(dsn: str, *statements: str) -> None:
    with postgres.transaction(dsn) as cursor:
        for statement in statements:
            cursor.execute(statement)


def ask(dsn: str, query: str) -> list[Any]:
    with postgres.transaction(dsn) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def make(dsn: str, tracked: bool, *statements: str, business: Business = SHOP) -> str:
    """The business's tables anew, as we make them or as people do; then the statements."""
    execute(dsn, f"drop schema if exists {business.name} cascade", f"create schema {business.name}")
    if tracked:
        with postgres.transaction(dsn) as cursor:
            postgres.create(cursor, business)
    for table in () if tracked else business.tables:
        columns = ", ".join(f"{column.name} {postgres.COLUMN_TYPES[column.type]}" for column in table.columns)
        execute(dsn, f"create table {business.name}.{table.name} ({columns}, primary key ({table.key}))")
    execute(dsn, *statements)
    return dsn


@dataclass(frozen=True)
class Home:
    """One home of one business; without a folder it loads what SETIA_POSTGRES_URL names."""

    path: Path
    business: Business = SHOP
    mapping: Path | None = None

    def load(self, folder: Path | None = None, full: bool = False, reconciled: bool = False) -> Batch:
        source = pipeline.From(folder, self.mapping)
        settings = load_settings(self.path)
        return pipeline.load(settings, self.business, source, full, lambda what, done, of: None, reconciled)

    def reconcile(self, folder: Path | None = None) -> dict[str, Reconciliation]:
        source = pipeline.From(folder, self.mapping)
        found = pipeline.reconcile(load_settings(self.path), self.business, source)
        return {each.table: each for each in found}

    def is_source(self, folder: Path | None = None) -> bool:
        """Whether raw and quarantine are the source, nothing pending."""
        found = self.reconcile(folder).values()
        return all(each.ok and not each.counts["pending"] for each in found)

    def ask(self, query: str) -> list[Any]:
        with connect(load_settings(self.path), self.business.name, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def tamper(self, *statements: str) -> None:
        with connect(load_settings(self.path), self.business.name) as connection:
            for statement in statements:
                connection.execute(statement)

    def raw(self, table: str, *columns: str) -> list[Any]:
        """The values of these columns, row by row, of what is alive; all of our columns when none is named."""
        names = columns or tuple(column.name for column in self.business.table(table).columns)
        wanted = ", ".join(quote(name) for name in names)
        return self.ask(
            f"select {wanted} from {self.business.name}_raw.raw_{table} where _deleted_at is null order by all"
        )

    def content(self) -> dict[str, Any]:
        """Per table the rows that are alive in raw, each with its batch, and what quarantine says of which keys."""
        with connect(load_settings(self.path), self.business.name, read_only=True) as connection:
            found = {}
            for table in self.business.tables:
                rows = connection.execute(
                    f"select * exclude (_loaded_at, _deleted_at, _batch_id), _batch_id"
                    f" from {self.business.name}_raw.{table.raw} where _deleted_at is null"
                ).fetchall()
                held = connection.execute(
                    f"select _key, _rule, _column from {self.business.name}_quarantine.{table.raw} order by all"
                ).fetchall()
                found[table.name] = ({row[:-1]: row[-1] for row in rows}, held)
                if len(found[table.name][0]) != len(rows):
                    raise AssertionError(f"{table.name}: a row is there twice")
            return found

    def held(self, table: str) -> list[Any]:
        """The key, the rule and the column of each row in quarantine."""
        return self.ask(
            f"select _key, _rule, _column from {self.business.name}_quarantine.raw_{table} order by all"
        )

    def came_as(self, table: str) -> list[dict[str, Any]]:
        """Rows in quarantine as they came, by key."""
        rows = self.ask(
            f"select cast(_row as varchar) from {self.business.name}_quarantine.raw_{table} order by _key"
        )
        return [dict(json.loads(row)) for (row,) in rows]


def end(home: Home) -> dict[str, Any]:
    """What raw and quarantine hold, whatever the batches that brought it."""
    return {table: (set(rows), held) for table, (rows, held) in home.content().items()}
