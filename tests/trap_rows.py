"""A shop's raw rows, each made to fall into one of the tutorial's traps (days count back from as_of); its commands."""

from datetime import datetime, timedelta
from typing import Any

AS_OF = "2024-04-30 17:00:00+00:00"
NOON = datetime.fromisoformat("2024-04-30 05:00:00+00:00")
Row = dict[str, Any]
# A product, units and a price, and what else a line says.
Line = tuple[Any, ...]

# Module 7 and the appendix, in their order, with a model of ours where they say `model`.
COMMANDS = """seed
run
test
run --select fct_customer_metrics+
run --select tag:ml
docs generate
run --full-refresh
compile
run --select fct_customer_metrics
test --select fct_customer_metrics
run --select +fct_customer_metrics
run --select tag:staging""".splitlines()

CUSTOMERS: list[Row] = [
    {"customer_id": 1, "email": " Ana@Example.COM ", "first_name": "JEAN  PAUL", "last_name": "McDonald", "country": " uk "},
    {"customer_id": 2, "email": "broken@", "first_name": "de la", "last_name": "O'NEILL", "country": "Indonesia"},
    {"customer_id": 3, "email": "   ", "first_name": " ", "country": "ID"},
    {"customer_id": 4, "email": "@", "country": "ID"},
    {"customer_id": 5, "email": "five@example.com", "country": "ID"},
    {"customer_id": 6, "email": "two@ats@example.com", "country": "ID"},
    {"customer_id": 7, "email": "later@example.com", "country": "ID", "created_at": "2024-05-02 00:00:00+00"},
    {"customer_id": 8, "email": "n/a", "country": "ID"},
    {"customer_id": 9, "email": "loyal@example.com", "country": "ID"},
    {"customer_id": 10, "email": "twin@example.com", "country": "ID"},
    {"customer_id": 11, "email": " TWIN@example.com", "country": "ID"},
    {"customer_id": 12, "email": "slipping@example.com", "country": "ID"},
    {"customer_id": 13, "email": "once@example.com", "country": "ID"},
    {"customer_id": 14, "email": "twice@example.com", "country": "ID"},
]  # fmt: skip

PRODUCTS: list[Row] = [
    {"product_id": 1, "product_name": "Tea", "category": "drinks", "cost_price": 4, "list_price": 10},
    {"product_id": 2, "product_name": "Sample", "category": "drinks", "cost_price": 1, "list_price": 0},
    {"product_id": 3, "product_name": "Mystery", "category": "toys", "cost_price": None, "list_price": 30},
    {"product_id": 4, "product_name": "Dear", "category": "toys", "cost_price": 150, "list_price": 1},
    {"product_id": 5, "product_name": "Old", "category": "tools", "cost_price": 50, "list_price": 105},
    {"product_id": 6, "product_name": "New", "category": "tools", "cost_price": 20, "list_price": 30},
    {"product_id": 7, "product_name": "By the dozen", "category": "tools", "cost_price": 5, "list_price": 10},
    *(
        {"product_id": key, "product_name": f"Dust {key}", "category": "DUST", "cost_price": 1, "list_price": 2}
        for key in range(20, 50)
    ),
]  # fmt: skip

# order_id, customer_id, days ago, its lines, and what else the order says.
ORDERS: list[tuple[int, int, int, list[Line], Row]] = [
    (101, 1, 29, [(1, "1.5", 10)], {"status": " Completed ", "shipping_cost": 5, "discount_amount": 3, "tax_amount": 2}),
    (102, 2, 20, [(1, 2, 10, {"unit_cost": 3}), (1, -1, 10, {"unit_cost": 3, "is_return": True})], {"status": "COMPLETED"}),
    (103, 2, 19, [(1, 9, 10)], {"status": "Canceled"}),
    (104, 4, 60, [(3, 1, "29.99")], {"shipping_cost": "5.99"}),
    (105, 4, 50, [], {}),
    (106, 5, 40, [(7, 1, 10)], {}),
    (107, 6, 11, [(7, 9, 20)], {}),
    (108, 6, 10, [(1, 1, 10)], {}),
    (109, 8, 5, [(6, 5, 30), (6, 5, 30)], {"shipping_cost": 10}),
    (110, 1, 28, [(2, 3, 10), (2, 1, 10, {"is_return": True})], {"refunded_amount": 9}),
    (111, 10, 15, [(1, 1, 10)], {}),
    (112, 11, 14, [(1, 1, 10)], {}),
    *((order, 12, days, [(5, 1, 100)], {}) for order, days in ((113, 160), (114, 130), (115, 100))),
    (116, 13, 200, [(1, 2, 10)], {}),
    (117, 14, 150, [(1, 1, 10)], {}),
    (118, 14, 130, [(1, 1, 10)], {}),
    (119, 1, -27638, [(1, 9, 10)], {}),
    (120, 5, 30, [(1, 9, 10)], {"_deleted_at": "2024-04-01 00:00:00+00"}),
    *((201 + number, 9, 1022 + 30 * number, [(5, 1, "104.99")], {}) for number in range(10)),
]  # fmt: skip


def at(days_ago: int) -> str:
    return (NOON - timedelta(days=days_ago)).isoformat(" ")


def rows() -> dict[str, list[Row]]:
    """The raw rows of each table."""
    orders, lines = [], []
    for order_id, customer_id, days_ago, bought, more in ORDERS:
        order = {"order_id": order_id, "customer_id": customer_id, "order_date": at(days_ago)}
        orders.append(order | {"status": "completed"} | more)
        for place, (product_id, quantity, unit_price, *rest) in enumerate(bought):
            line = {"order_item_id": order_id * 10 + place, "order_id": order_id, "product_id": product_id}
            lines.append(line | {"quantity": quantity, "unit_price": unit_price} | (rest[0] if rest else {}))
    customers = [{"created_at": "2020-01-01 00:00:00+00"} | customer for customer in CUSTOMERS]
    sold = {"products": PRODUCTS, "orders": orders, "order_items": lines}
    return {"customers": customers, "exchange_rates": []} | sold
