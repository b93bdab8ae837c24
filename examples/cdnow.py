"""CDNOW: 18 months of purchases of the 23,570 people who first bought early in 1997, through `ecommerce`.

Type `python examples/cdnow.py`. The data is a text file in the package lifetimes, which is not imported.
"""

import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from run_setia import Example, data_file, main, priced, write

PACKAGE = "lifetimes"
FILE = "datasets/CDNOW_master.txt"

CUSTOMERS = """
    select
        customer_id,
        min(day) as first_purchase,
    from purchases
    group by customer_id
    order by customer_id
"""

PRODUCTS = """
    select
        'CD' as product_id,
        'Compact disc' as product_name,
        'Music' as category,
        null as cost_price,
        null as list_price,
"""


def purchases() -> pa.Table:
    """The rows of the file in its order; its line number is the key, as the file has none.

    255 lines repeat another one (same person, day, discs and dollars). The file lists purchases and
    published totals count each of them, so each is an order.
    """
    text = data_file(PACKAGE, FILE).read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines()[1:] if line.strip()]
    customers, days, discs, dollars = zip(*lines, strict=True)
    return pa.table(
        {
            "purchase_id": pa.array(range(1, len(lines) + 1), pa.int64()),
            "customer_id": pa.array(map(int, customers), pa.int64()),
            "day": [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in days],
            "units": pa.array(map(int, discs), pa.int64()),
            "amount": pa.array(map(Decimal, dollars), pa.decimal128(18, 2)),
        }
    )


def prepare(folder: Path) -> dict[str, int]:
    """Write the folder that Setia reads; returns the rows of each table."""
    with duckdb.connect() as connection:
        connection.register("purchases", purchases())
        sales = write(connection, f"{priced('purchases')} order by purchase_id", folder / "purchases.csv")
        return {
            "customers": write(connection, CUSTOMERS, folder / "customers.csv"),
            "products": write(connection, PRODUCTS, folder / "products.csv"),
            "orders": sales,
            "order_items": sales,
        }


EXAMPLE = Example(
    name="cdnow",
    business="ecommerce",
    as_of="1998-06-30",
    timezone="America/New_York",
    currency="USD",
    prepare=prepare,
)

if __name__ == "__main__":
    sys.exit(main(EXAMPLE))
