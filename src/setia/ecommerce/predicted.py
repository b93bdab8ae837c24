"""The tables of scores of the shop."""

from decimal import Decimal

from setia.predicted import CHURN_QUALITY, CHURN_TENTHS, MODEL_ID, RECOMMENDATION_QUALITY, needed, share
from setia.schema import Column, Predicted

ZERO = Decimal(0)


def _orders(days: int) -> tuple[Column, ...]:
    told = f"in the next {days} days"
    return (
        Column(f"expected_orders_{days}d", "float", f"Days with an order {told}, on average.", minimum=ZERO),
        Column(
            f"orders_{days}d_low", "float", f"At least so many {told}, in 19 of 20 such cases.", minimum=ZERO
        ),
        Column(
            f"orders_{days}d_high", "float", f"At most so many {told}, in 19 of 20 such cases.", minimum=ZERO
        ),
    )


CUSTOMER_SCORES = Predicted(
    "ml_customer_scores",
    "Everybody who ordered by as_of: the chance to stay away, and why; how many orders and how much money to expect;"
    " when the next order is due. Grain: customer.",
    (
        needed("customer_id", "key", "Who ordered."),
        needed("as_of_date", "date", "The last day that is known."),
        needed("leaves_from", "date", "First day of those that churn_chance is for."),
        needed("leaves_before", "date", "First day after them."),
        share(
            "churn_chance",
            "That no completed order lies in these days; NULL for who has not ordered for a year.",
        ),
        Column(
            "reason_1",
            "string",
            "What most raises the chance beside that of the usual customer, if anything.",
        ),
        Column("reason_2", "string", "What raises it second most."),
        Column("reason_3", "string", "What raises it third most."),
        needed(
            "churn_method", "string", "What gave the chance; 'lapsed' for who has not ordered for a year."
        ),
        *_orders(30),
        *_orders(90),
        *_orders(365),
        Column(
            "expected_value_365d",
            "decimal",
            "Net total of these, discounted by a tenth a year.",
            minimum=ZERO,
        ),
        Column("value_365d_low", "decimal", "At least so much, in 19 of 20 such cases.", minimum=ZERO),
        Column("value_365d_high", "decimal", "At most so much, in 19 of 20 such cases.", minimum=ZERO),
        Column("expected_lost_value", "decimal", "churn_chance x expected_value_365d.", minimum=ZERO),
        Column(
            "next_order_by",
            "date",
            "The day by which the next order is as likely as not; NULL when it never is.",
        ),
        needed(
            "value_method", "string", "What gave orders and value: the models, a mean, or 'not enough data'."
        ),
        MODEL_ID,
    ),
    ("customer_id",),
    (
        (
            "the longer the days, the more orders",
            "expected_orders_30d > expected_orders_90d or expected_orders_90d > expected_orders_365d",
        ),
        ("low <= high", "orders_365d_low > orders_365d_high or value_365d_low > value_365d_high"),
        (
            "expected_lost_value = churn_chance x expected_value_365d",
            "abs(expected_lost_value - churn_chance * expected_value_365d) > 0.011",
        ),
        (
            "a chance is missing only for want of data or of orders",
            "(churn_chance is null) <> (churn_method in ('not enough data', 'lapsed'))",
        ),
    ),
)
VALUE_QUALITY = Predicted(
    "ml_value_quality",
    "What was foretold at a past day of the days since, and what came: orders and money of all customers, beside as"
    " much as came in as many days before. Grain: method.",
    (
        needed("method", "string", "The models, or what came before."),
        needed("cutoff_date", "date", "The last day that was known."),
        needed("horizon_days", "integer", "Days from it to as_of."),
        needed("customers", "integer", "Who had ordered by then."),
        Column("expected_orders", "float", "Days with an order that were foretold.", minimum=ZERO),
        Column("orders", "float", "Days with an order that came.", nullable=False, minimum=ZERO),
        Column("expected_value", "decimal", "Money that was foretold.", minimum=ZERO),
        needed("value", "decimal", "Net total that came."),
        Column("mean_absolute_error", "decimal", "Mean gap between both, a customer.", minimum=ZERO),
        share("covered_share", "Share of customers whose money lay in their interval; 0.9 or more is right."),
    ),
    ("method",),
)
PRODUCT_LISTS = Predicted(
    "ml_product_recommendations",
    "Of customers with an order in a year: up to ten products to discover, which they did not buy in it, and up to five"
    " to buy again. Grain: customer, kind and rank.",
    (
        needed("customer_id", "key", "For whom."),
        Column("kind", "string", "discover or buy_again.", nullable=False, values=("discover", "buy_again")),
        Column("rank", "integer", "1 is the best.", nullable=False, minimum=Decimal(1), maximum=Decimal(10)),
        needed("product_id", "key", "Which product."),
        needed(
            "score",
            "float",
            "What the method said, or how often it was ordered; only its order means anything.",
        ),
        needed("method", "string", "popularity, ease with its penalty, or own orders."),
        MODEL_ID,
    ),
    ("customer_id", "kind", "rank"),
)
PREDICTED = (
    CUSTOMER_SCORES,
    CHURN_QUALITY,
    CHURN_TENTHS,
    VALUE_QUALITY,
    PRODUCT_LISTS,
    RECOMMENDATION_QUALITY,
)
