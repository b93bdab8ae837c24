"""Values that are easily changed on the way: after a load raw and quarantine hold what the source has."""

import copy

import duckdb
import pytest

from conftest import SHOP as ROWS
from conftest import write_csv
from loaded_homes import CUSTOMER, Home, end, execute, make, order

pytestmark = pytest.mark.usefixtures("from_server")


TEXTS = [
    "",
    " ",
    "trailing  ",
    "\u00e9",
    "e\u0301",
    "\ufb01",
    "İ",
    "null",
    "NaN",
    "\\N",
    '"',
    "\u00a0",
    "a\r\nb",
    "\u200b",
    "😀",
    "\ufeffx",
]
TIMES = [
    "2024-02-01 10:00:00.123456+05:45",
    "2024-02-01 23:59:59.999999-11:30",
    "2024-03-31 02:30:00+00:44:30",
]
TIMES += [
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "294276-12-31 23:59:59+00",
    "1900-01-01 00:00:00+00",
    "2199-12-31",
]
NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e130",
    "1e-130",
    "-0",
    "0.00005",
    "99999999999999.99994",
    "1" * 40,
    "0.99995",
]


@pytest.mark.parametrize("kind", ["numeric", "double precision", "real", "text"])
def test_odd_values_of_postgresql_are_reconciled(dsn, tmp_path, home, monkeypatch, kind):
    monkeypatch.setenv("SETIA_NEW_COLUMNS", "carry")
    numbers = [number for number in NUMBERS if kind != "real" or number not in ("1e130", "1e-130", "1" * 40)]
    make(dsn, False, f"alter table ecommerce.orders alter shipping_cost type {kind}", CUSTOMER)
    execute(
        dsn, f"alter table ecommerce.orders add extra {kind}, add at timestamptz, alter order_id type text"
    )
    for place, number in enumerate([*numbers, "-1"]):
        for customer in (1, 9):
            execute(
                dsn, order(f"n{place}-{customer}", customer, shipping_cost=f"'{number}'", extra=f"'{number}'")
            )
    for place, time in enumerate(TIMES):
        execute(dsn, order(f"t{place}", order_date=f"'{time}'", updated_at=f"'{time}'", at=f"'{time}'"))
    for place, text in enumerate(TEXTS):
        escaped = "'" + text.replace("'", "''") + "'"
        execute(dsn, order(f"x{place}{text}", place % 2 + 1, currency=escaped))
    batch = home.load(reconciled=True)
    assert all(each["ok"] for each in batch.reconciled)
    execute(dsn, "insert into ecommerce.customers (customer_id) values (9), (2)")
    home.load()
    assert home.is_source()
    fresh = Home(tmp_path / "fresh")
    fresh.load()
    assert end(home) == end(fresh)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_odd_values_of_files_are_reconciled(tmp_path, home, suffix):
    rows = [ROWS["orders"][0] | {"order_id": "plain", "currency": ""}]
    rows += [rows[0] | {"order_id": f"n{place}", "shipping_cost": text} for place, text in enumerate(NUMBERS)]
    rows += [rows[0] | {"order_id": f"t{place}", "order_date": text} for place, text in enumerate(TIMES)]
    rows += [rows[0] | {"order_id": f"x{place}{text}", "currency": text} for place, text in enumerate(TEXTS)]
    rows += [row | {"order_id": f"{row['order_id']}-", "customer_id": 9} for row in rows]
    folder = write_csv(tmp_path / "in", copy.deepcopy(ROWS) | {"orders": rows})
    if suffix == "parquet":
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select * replace (try_cast(shipping_cost as double) as shipping_cost,"
                f" try_cast(order_date as timestamp_ns) as order_date) from"
                f" read_csv('{folder}/raw_orders.csv', all_varchar = true, nullstr = '-'))"
                f" to '{folder}/raw_orders.parquet' (format parquet)"
            )
        (folder / "raw_orders.csv").unlink()
    assert all(each["ok"] for each in home.load(folder, reconciled=True).reconciled)
    customers = [*ROWS["customers"], ROWS["customers"][0] | {"customer_id": 9}]
    write_csv(folder, {"customers": customers})
    assert all(each["ok"] for each in home.load(folder, reconciled=True).reconciled)
    assert home.is_source(folder)
    fresh = Home(tmp_path / "fresh")
    fresh.load(folder)
    assert end(home) == end(fresh)
