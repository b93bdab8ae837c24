"""Which products to show to whom: to discover, and to buy again."""

from collections.abc import Iterator

import numpy as np
import pyarrow
from duckdb import DuckDBPyConnection

from setia.prediction import recommend
from setia.prediction.recommend import NOBODY, Method

LATELY_DAYS = 28
LENGTH, AGAIN = 10, 5
LEAST_CUSTOMERS = 5
"""Customers of a product, below whom nothing goes with it."""
JUDGED_PRODUCTS = 3_000
"""The most popular, by which the method is chosen: of 10,000 each of its candidates takes 34 s."""
PAIRS = "ecommerce_marts.fct_customer_product_affinity"


def taste(connection: DuckDBPyConnection) -> Method:
    """The way of making lists that foretold best what was bought for the first time in the last weeks."""
    rows = connection.execute(
        "select customer_id, product_id, first_purchase_date >"
        f" (select max(as_of_date) from ecommerce_ml.ml_customer_features) - {LATELY_DAYS} as is_late"
        f" from {PAIRS} order by customer_id, product_id"
    ).to_arrow_table()
    people, items, is_late = (column.to_numpy(zero_copy_only=False) for column in rows.columns)
    late = is_late.astype(bool)
    known = recommend.choices(
        people[~late], items[~late], least_people=LEAST_CUSTOMERS, most_items=JUDGED_PRODUCTS
    )
    return recommend.choose(known.matrix, recommend.aligned(known, people[late], items[late]), LENGTH)


def lists(connection: DuckDBPyConnection, method: Method, model_id: str) -> Iterator[pyarrow.Table]:
    """The lists to discover, a part of the customers at a time, and at the end those to buy again."""
    rows = connection.execute(
        f"select customer_id, product_id from {PAIRS} order by customer_id, product_id"
    ).to_arrow_table()
    people, items = (column.to_numpy(zero_copy_only=False) for column in rows.columns)
    known = recommend.choices(people, items, least_people=LEAST_CUSTOMERS)
    sold = connection.execute(
        "select product_id from ecommerce_marts.fct_product_performance where units_90d > 0"
    ).to_arrow_table()
    is_sold = np.isin(known.items, sold.column(0).to_numpy(zero_copy_only=False))
    if len(known.items):
        weights = method.weights(known.matrix)
        for batch, columns, values in recommend.best(known.matrix, weights, LENGTH, is_sold):
            is_item = columns != NOBODY
            places, ranks = np.nonzero(is_item)
            yield pyarrow.table(
                {
                    "customer_id": known.people[batch][places],
                    "kind": ["discover"] * len(places),
                    "rank": ranks + 1,
                    "product_id": known.items[columns[is_item]],
                    "score": values[is_item].astype(np.float64),
                    "method": [method.name] * len(places),
                    "model_id": [model_id] * len(places),
                }
            )
    yield _again(connection, model_id)


def _again(connection: DuckDBPyConnection, model_id: str) -> pyarrow.Table:
    """What each customer ordered most often, more than once, first what is due."""
    return connection.execute(
        f"""
        with ranked as (
            select
                customer_id,
                product_id,
                orders_count,
                row_number() over (
                    partition by customer_id
                    order by is_due_again desc, orders_count desc, last_purchase_date desc, product_id
                ) as rank
            from {PAIRS}
            where orders_count > 1
        )

        select
            customer_id, 'buy_again' as kind, rank, product_id, cast(orders_count as double) as score,
            'own orders' as method, ? as model_id
        from ranked
        where rank <= {AGAIN}
        """,
        [model_id],
    ).to_arrow_table()
