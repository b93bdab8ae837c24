"""Random writes to the source tables of ecommerce, as SQL: rows that come, change, move and go."""

import random
from collections.abc import Callable

from random_writes import day, moment, upsert

CUSTOMERS, ORDERS, LINES, PRODUCTS = 9, 60, 90, 7


def customer(key: int, email: str = "null") -> str:
    return upsert(
        "ecommerce.customers", customer_id=str(key), created_at="'2023-12-01'", email=email, country="'ID'"
    )


def order(dice: random.Random) -> str:
    return upsert(
        "ecommerce.orders",
        order_id=str(dice.randrange(ORDERS)),
        customer_id=str(dice.randrange(CUSTOMERS)),  # the last of them is never there
        order_date=moment(dice),
        status=dice.choice(("'completed'", "' Completed '", "'completed'", "'completed'", "'cancelled'")),
        shipping_cost=dice.choice(("0", "1.005", "9")),
        discount_amount=dice.choice(("null", "null", "0.5")),
        refunded_amount=dice.choice(("null", "null", "3")),
        currency=dice.choice(("null", "null", "'IDR'", "'usd'")),
    )


def line(dice: random.Random) -> str:
    is_return = dice.random() < 0.15
    return upsert(
        "ecommerce.order_items",
        order_item_id=str(dice.randrange(LINES)),
        order_id=str(dice.randrange(ORDERS)),
        product_id=str(dice.randrange(PRODUCTS)),
        quantity=dice.choice(("1", "2.5", "7")) if not is_return else "-1",
        unit_price=dice.choice(("10", "19.99", "250.0005")),
        discount_amount=dice.choice(("null", "1.25")),
        unit_cost=dice.choice(("null", "4.3333")),
        is_return="true" if is_return else "null",
    )


def product(dice: random.Random) -> str:
    return upsert(
        "ecommerce.products",
        product_id=str(dice.randrange(PRODUCTS)),
        product_name=dice.choice(("'Tea'", "'Cup'")),
        category=dice.choice(("'Drinks'", "'Toys'")),
        cost_price=dice.choice(("null", "2.5", "4")),
        list_price="20",
    )


def rate(dice: random.Random) -> str:
    return upsert(
        "ecommerce.exchange_rates",
        exchange_rate_id=str(dice.randrange(30)),
        currency="'USD'",
        month=day(dice),
        rate=dice.choice(("15000.5", "16000", "0.333333333")),
    )


WRITES: list[Callable[[random.Random], str]] = [
    order, order, order, line, line, line, product, rate,
    lambda dice: customer(dice.randrange(CUSTOMERS - 1), dice.choice(("null", "'a@b.co'", "'c@d.co'"))),
    lambda dice: f"update ecommerce.orders set refunded_amount = 5 where order_id = {dice.randrange(ORDERS)}",
    lambda dice: f"update ecommerce.orders set order_date = {moment(dice)} where order_id = {dice.randrange(ORDERS)}",
    lambda dice: f"update ecommerce.order_items set order_id = {dice.randrange(ORDERS)}"
                 f" where order_item_id = {dice.randrange(LINES)}",
    lambda dice: f"update ecommerce.order_items set quantity = 3 where order_item_id = {dice.randrange(LINES)}",
    lambda dice: f"delete from ecommerce.orders where order_id % 9 = {dice.randrange(9)}",
    lambda dice: f"delete from ecommerce.order_items where order_item_id % 9 = {dice.randrange(9)}",
    lambda dice: f"delete from ecommerce.customers where customer_id = {dice.randrange(40)}",
    lambda dice: f"delete from ecommerce.exchange_rates where exchange_rate_id = {dice.randrange(30)}",
    lambda dice: f"delete from ecommerce.products where product_id = {dice.randrange(30)}",
]  # fmt: skip


def writes(dice: random.Random, count: int) -> list[str]:
    return [dice.choice(WRITES)(dice) for _ in range(count)]


def everything(dice: random.Random) -> list[str]:
    """A first history: every customer and product, then orders and lines."""
    products = [
        upsert("ecommerce.products", product_id=str(key), cost_price="2", list_price="20")
        for key in range(PRODUCTS)
    ]
    rows = [dice.choice((order, line, line, rate))(dice) for _ in range(3 * LINES)]
    return [customer(key) for key in range(CUSTOMERS - 1)] + products + rows
