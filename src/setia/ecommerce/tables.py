"""The operational tables of an online shop (names: the tutorial's, with what it lacks as optional)."""

from decimal import Decimal

from setia.schema import Column, Reference, Table

ZERO, LARGEST = Decimal(0), Decimal(10) ** 12
"""An amount of a row is at most LARGEST: the models count in 18 digits, two of them decimals, after exchange."""

UPDATED_AT = Column("updated_at", "timestamp", "When the source last wrote the row, UTC.", optional=True)

CUSTOMERS = Table(
    "customers",
    "One row per customer account.",
    (
        Column("customer_id", "key", "Identifies the customer."),
        Column("email", "string", "Email address as typed.", personal=True),
        Column("first_name", "string", "Given name.", personal=True),
        Column("last_name", "string", "Family name.", personal=True),
        Column("country", "string", "Country, ISO 3166-1 alpha-2 or a name."),
        Column("created_at", "timestamp", "When the account was opened, UTC."),
        Column("city", "string", "City.", optional=True),
        Column(
            "marketing_consent", "boolean", "True when the customer agreed to be written to.", optional=True
        ),
        UPDATED_AT,
    ),
)

ORDERS = Table(
    "orders",
    "One row per order.",
    (
        Column("order_id", "key", "Identifies the order."),
        Column("customer_id", "key", "Who ordered.", nullable=False),
        Column("order_date", "timestamp", "When the order was placed, UTC.", nullable=False),
        Column(
            "status",
            "string",
            "Where the order stands; only completed orders are sales.",
            nullable=False,
            values=("pending", "processing", "shipped", "completed", "cancelled", "canceled", "returned"),
        ),
        Column(
            "shipping_cost", "decimal", "Shipping charged to the customer.", minimum=ZERO, maximum=LARGEST
        ),
        Column(
            "discount_amount",
            "decimal",
            "Discount on the whole order, besides those of its lines.",
            optional=True,
            minimum=ZERO,
            maximum=LARGEST,
            unsaid="no discount was given on whole orders",
        ),
        Column(
            "tax_amount",
            "decimal",
            "Tax charged on top.",
            optional=True,
            minimum=ZERO,
            maximum=LARGEST,
            unsaid="prices contain their tax, or there is none",
        ),
        Column(
            "refunded_amount",
            "decimal",
            "Paid back so far, for returned goods too.",
            optional=True,
            minimum=ZERO,
            maximum=LARGEST,
            unsaid="what return lines are worth was paid back, and nothing else",
        ),
        Column(
            "currency",
            "string",
            "ISO 4217 code of the order's amounts.",
            optional=True,
            unsaid="amounts are in the reporting currency",
        ),
        UPDATED_AT,
    ),
    references=(Reference("customer_id", "customers", not_before=("order_date", "created_at")),),
    event="order_date",
)

ORDER_ITEMS = Table(
    "order_items",
    "One row per line of an order; a return is a line with a negative quantity.",
    (
        Column("order_item_id", "key", "Identifies the line."),
        Column("order_id", "key", "The order it belongs to.", nullable=False),
        Column("product_id", "key", "What was ordered.", nullable=False),
        Column("quantity", "decimal", "Units; negative for a return.", nullable=False),
        Column(
            "unit_price",
            "decimal",
            "Price of one unit at the time of sale.",
            nullable=False,
            minimum=ZERO,
            maximum=LARGEST,
        ),
        Column(
            "discount_amount",
            "decimal",
            "Discount on the line, not yet taken off unit_price.",
            optional=True,
            minimum=ZERO,
            maximum=LARGEST,
            unsaid="prices of lines are what was charged",
        ),
        Column(
            "unit_cost",
            "decimal",
            "Cost of one unit at the time of sale, in the reporting currency.",
            optional=True,
            minimum=ZERO,
            maximum=LARGEST,
            unsaid="a unit cost what the product costs today",
        ),
        Column(
            "is_return",
            "boolean",
            "True when the line takes goods back.",
            optional=True,
            unsaid="nothing came back but in lines that say so",
        ),
        UPDATED_AT,
    ),
    references=(Reference("order_id", "orders"), Reference("product_id", "products")),
    checks=(
        ("quantity", "quantity > 0 or (quantity < 0 and coalesce(is_return, false))"),
        (
            "quantity",
            f"abs(cast(quantity as double) * greatest(unit_price, coalesce(unit_cost, 0), 1)) <= {LARGEST}",
        ),
    ),
)

PRODUCTS = Table(
    "products",
    "One row per product of the catalogue.",
    (
        Column("product_id", "key", "Identifies the product."),
        Column("product_name", "string", "Name as shown."),
        Column("category", "string", "Category as shown."),
        Column(
            "cost_price",
            "decimal",
            "What a unit costs the shop today, in the reporting currency.",
            minimum=ZERO,
            maximum=LARGEST,
        ),
        Column("list_price", "decimal", "Price asked today.", minimum=ZERO, maximum=LARGEST),
        Column("launched_at", "timestamp", "When it was first offered, UTC.", optional=True),
        UPDATED_AT,
    ),
)

EXCHANGE_RATES = Table(
    "exchange_rates",
    "One row per currency and month, for orders in other currencies than the reporting one.",
    (
        Column("exchange_rate_id", "key", "Identifies the row, such as USD-2024-01."),
        Column("currency", "string", "ISO 4217 code of the other currency.", nullable=False),
        Column("month", "date", "Any day of the month for whose orders the rate holds.", nullable=False),
        Column(
            "rate", "float", "Units of the reporting currency for one unit.", nullable=False, minimum=ZERO
        ),
        UPDATED_AT,
    ),
    checks=(("rate", "rate > 0"),),
    optional=True,
)

TABLES = (CUSTOMERS, PRODUCTS, ORDERS, ORDER_ITEMS, EXCHANGE_RATES)
