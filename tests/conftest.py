"""Fixtures: a home of its own for every test, sources written as CSV, and a built sample of the shop."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from setia import embedded, files
from setia import load as loading
from setia.businesses import BUSINESSES
from setia.load import Batch
from setia.schema import Business
from setia.settings import Settings
from setia.settings import load as load_settings
from setia.warehouses import connect

SHOP: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"customer_id": 1, "email": "a@example.com", "first_name": "A", "last_name": "B", "country": "ID", "created_at": "2024-01-01"},
        {"customer_id": 2, "email": "", "first_name": " c ", "last_name": "D", "country": "ID", "created_at": "2024-01-02"},
    ],
    "products": [{"product_id": 7, "product_name": "Tea", "category": "Food", "cost_price": "1.00", "list_price": "2.50"}],
    "orders": [
        {"order_id": 10, "customer_id": 1, "order_date": "2024-02-01", "status": " Completed ", "shipping_cost": "1.00"},
        {"order_id": 11, "customer_id": 2, "order_date": "2024-02-03", "status": "completed", "shipping_cost": "0"},
    ],
    "order_items": [
        {"order_item_id": 100, "order_id": 10, "product_id": 7, "quantity": 2, "unit_price": "2.50"},
        {"order_item_id": 101, "order_id": 11, "product_id": 7, "quantity": 1, "unit_price": "2.50"},
    ],
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("SETIA_HOME", raising=False)
    return load_settings(tmp_path / "home")


@pytest.fixture
def shop() -> Business:
    return BUSINESSES["ecommerce"]


@pytest.fixture
def movies() -> Business:
    return BUSINESSES["movie_streaming"]


def write_csv(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> Path:
    """Writes raw_<table>.csv files; the columns are those of each table's first row."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"raw_{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL for the tests of one module."""
    with embedded.server(tmp_path_factory.mktemp("pg") / "postgres") as dsn:
        yield dsn


@pytest.fixture
def load_folder(settings: Settings, shop: Business) -> Callable[..., Batch]:
    """Loads a folder of the shop's files and returns the batch."""

    def load(folder: Path, business: Business = shop, mapping: dict[str, Any] | None = None) -> Batch:
        with connect(settings, business.name) as connection, loading.transaction(connection):
            source = files.open_source(connection, business, folder, mapping or {}, settings.timezone)
            return loading.load(connection, business, source, settings.timezone, lambda what: None)

    return load
