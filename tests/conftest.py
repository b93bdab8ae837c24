"""Fixtures: a home of its own for every test, sources written as CSV, and the shop's dbt project built once."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ecommerce_warehouse
import trap_rows
from loaded_homes import Home
from setia import embedded, files
from setia import load as loading
from setia.batches import Batch
from setia.businesses import BUSINESSES
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


# The tutorial's own rows, as its four CSV files hold them.
TUTORIAL = {
    "customers": """customer_id,email,first_name,last_name,country,created_at
1,john.doe@email.com,John,Doe,US,2023-01-15
2,jane.smith@email.com,Jane,Smith,UK,2023-02-20
3,bob.jones@email.com,Bob,Jones,US,2023-03-10
4,alice.wilson@email.com,Alice,Wilson,CA,2023-01-25
5,charlie.brown@email.com,Charlie,Brown,US,2023-04-05
""",
    "orders": """order_id,customer_id,order_date,status,shipping_cost
1001,1,2023-02-01,completed,5.99
1002,1,2023-03-15,completed,5.99
1003,2,2023-03-01,completed,7.99
1004,3,2023-04-10,completed,5.99
1005,1,2023-05-20,cancelled,0.00
1006,2,2023-05-25,completed,7.99
1007,4,2023-06-01,completed,9.99
1008,3,2023-06-15,completed,5.99
1009,5,2023-07-01,completed,5.99
1010,1,2023-07-20,completed,5.99
""",
    "order_items": """order_item_id,order_id,product_id,quantity,unit_price
1,1001,101,2,29.99
2,1001,102,1,49.99
3,1002,103,1,19.99
4,1003,101,3,29.99
5,1004,104,1,99.99
6,1006,102,2,49.99
7,1007,105,1,149.99
8,1008,103,2,19.99
9,1009,101,1,29.99
10,1010,104,1,99.99
""",
    "products": """product_id,product_name,category,cost_price,list_price
101,Wireless Mouse,Electronics,15.00,29.99
102,Keyboard,Electronics,25.00,49.99
103,USB Cable,Accessories,5.00,19.99
104,Monitor,Electronics,50.00,99.99
105,Laptop Stand,Accessories,30.00,149.99
""",
}


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's rows as a folder of files."""
    folder = tmp_path_factory.mktemp("tutorial")
    for name, text in TUTORIAL.items():
        (folder / f"raw_{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the trap rows after `dbt build`, all of whose tests passed, and the analyses compiled."""
    home = tmp_path_factory.mktemp("traps")
    ecommerce_warehouse.write_raw(home / "shop.duckdb", trap_rows.rows())
    printed = ecommerce_warehouse.build(home, "build", trap_rows.AS_OF)
    assert re.search(r"WARN 1 completed_order_has_lines", printed), "B16: an order without lines is reported"
    ecommerce_warehouse.build(home, "compile", trap_rows.AS_OF)
    return home / "shop.duckdb"


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the tutorial's commands print in the project's folder, each without a flag of ours; and the home."""
    home = tmp_path_factory.mktemp("commands")
    printed = {command: ecommerce_warehouse.dbt(home, *command.split()) for command in trap_rows.COMMANDS}
    return printed | {"home": str(home)}


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


@pytest.fixture
def from_server(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads without a folder read the session's server."""
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of the shop in which nothing has happened yet."""
    return Home(tmp_path / "home")


@pytest.fixture(params=[True, False], ids=["tracked", "plain"])
def tracked(request: pytest.FixtureRequest) -> bool:
    """Whether PostgreSQL's tables say themselves what changes in them."""
    return bool(request.param)
