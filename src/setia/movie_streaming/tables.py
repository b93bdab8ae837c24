"""The operational tables of a subscription video service (names: spec of the brief, spelled right)."""

from decimal import Decimal

from setia.schema import Column, Derivation, Reference, Table

ZERO = Decimal(0)

UPDATED_AT = Column("updated_at", "timestamp", "When the source last wrote the row, UTC.", optional=True)

USERS = Table(
    "users",
    "One row per person who ever signed up.",
    (
        Column("user_id", "key", "Identifies the user."),
        Column("name", "string", "The user's full name.", personal=True),
        Column("email", "string", "The user's email address as typed.", personal=True),
        Column("country", "string", "Country of residence, ISO 3166-1 alpha-2 or a name."),
        Column("city", "string", "City of residence."),
        Column("join_date", "date", "The day the user signed up, in the reporting zone.", nullable=False),
        Column(
            "subscription_status",
            "string",
            "The source's own word for the user; evidence only, the status is derived from subscriptions.",
            values=("active", "inactive"),
            aliases=("subscription_ststus",),
        ),
        UPDATED_AT,
    ),
)

MOVIES = Table(
    "movies",
    "One row per title of the catalogue.",
    (
        Column("movie_id", "key", "Identifies the title."),
        Column("title", "string", "The title as shown to viewers."),
        Column("genre", "string", "One genre, or several separated by `|`."),
        Column(
            "release_year", "integer", "Year of first release.", minimum=Decimal(1870), maximum=Decimal(2200)
        ),
        Column("duration_min", "decimal", "Runtime in minutes.", minimum=Decimal(1), maximum=Decimal(6000)),
        Column("language", "string", "Language of the original sound track."),
        Column("available_from", "date", "First day on the platform.", optional=True),
        Column("available_to", "date", "Last day of the licence.", optional=True),
        Column("license_cost", "decimal", "Cost of the licence window.", optional=True, minimum=ZERO),
        UPDATED_AT,
    ),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "One row per period of one plan of one user.",
    (
        Column("subscription_id", "key", "Identifies the period."),
        Column(
            "user_id",
            "key",
            "Who subscribed.",
            nullable=False,
            derived_from=Derivation("payments", "subscription_id", "user_id"),
        ),
        Column("plan_type", "string", "Plan: Basic, Standard, Premium or the source's own.", nullable=False),
        Column("start_date", "date", "First day of the period.", nullable=False),
        Column("end_date", "date", "First day after the period; NULL while it is open."),
        Column("price", "decimal", "Recurring price per billing interval.", nullable=False, minimum=ZERO),
        Column(
            "status",
            "string",
            "The source's own word; evidence only, the status is derived from the dates.",
            nullable=False,
            values=("active", "expired", "trial", "paused", "canceled", "cancelled"),
        ),
        Column(
            "billing_interval",
            "string",
            "How often the price is due; month when the source does not say.",
            optional=True,
            values=("day", "week", "month", "year"),
            unsaid="each price is that of a month",
        ),
        Column(
            "currency",
            "string",
            "ISO 4217 code of the price.",
            optional=True,
            unsaid="prices are in the reporting currency",
        ),
        Column(
            "discount_amount",
            "decimal",
            "Ongoing discount on the price.",
            optional=True,
            minimum=ZERO,
            unsaid="nobody has a discount",
        ),
        Column(
            "is_trial",
            "boolean",
            "True for a free trial period.",
            optional=True,
            unsaid="only periods whose status says so are trials",
        ),
        Column("auto_renew", "boolean", "False once the user has switched renewal off.", optional=True),
        Column("canceled_at", "timestamp", "When the user cancelled, UTC.", optional=True),
        Column(
            "cancel_reason", "string", "Why it ended, such as too_expensive or payment_failed.", optional=True
        ),
        UPDATED_AT,
    ),
    references=(Reference("user_id", "users"),),
    interval=("start_date", "end_date"),
    optional=True,
)

PAYMENTS = Table(
    "payments",
    "One row per attempt to charge a subscription.",
    (
        Column("payment_id", "key", "Identifies the attempt."),
        Column("user_id", "key", "Who was charged."),
        Column("subscription_id", "key", "What was charged for.", nullable=False),
        Column("method", "string", "credit_card, gopay, dana, bank_transfer or the source's own."),
        Column("amount", "decimal", "Amount charged.", nullable=False, minimum=ZERO),
        Column(
            "payment_date",
            "timestamp",
            "When the charge was attempted, UTC.",
            nullable=False,
            held_without="a payment without a date belongs to no month",
        ),
        Column(
            "status",
            "string",
            "Only completed payments are revenue.",
            nullable=False,
            values=("pending", "completed", "failed"),
        ),
        Column("period_start", "date", "First day that the payment covers.", optional=True),
        Column("period_end", "date", "First day that it no longer covers.", optional=True),
        Column(
            "currency",
            "string",
            "ISO 4217 code of the amount.",
            optional=True,
            unsaid="amounts are in the reporting currency",
        ),
        Column("failure_code", "string", "Why the charge failed.", optional=True),
        Column(
            "refunded_amount",
            "decimal",
            "Paid back so far.",
            optional=True,
            minimum=ZERO,
            unsaid="nothing was paid back",
        ),
        UPDATED_AT,
    ),
    references=(
        Reference("user_id", "users"),
        Reference("subscription_id", "subscriptions", same=("user_id", "user_id")),
    ),
    event="payment_date",
    optional=True,
)

RATINGS = Table(
    "ratings",
    "One row per rating that a user gave a title; the latest counts.",
    (
        Column("rating_id", "key", "Identifies the rating."),
        Column("user_id", "key", "Who rated.", nullable=False),
        Column("movie_id", "key", "What was rated.", nullable=False),
        Column(
            "rating_score",
            "decimal",
            "Score on a scale that ends at 5.",
            nullable=False,
            minimum=ZERO,
            maximum=Decimal(5),
        ),
        Column("rating_date", "timestamp", "When it was given, UTC.", nullable=False),
        Column("review_text", "string", "What the user wrote.", personal=True),
        UPDATED_AT,
    ),
    references=(Reference("user_id", "users"), Reference("movie_id", "movies")),
    event="rating_date",
    sparse=True,
    optional=True,
)

WATCH_SESSIONS = Table(
    "watch_sessions",
    "One row per stretch of playing one title on one device.",
    (
        Column("session_id", "key", "Identifies the session."),
        Column("user_id", "key", "Who watched.", nullable=False),
        Column("movie_id", "key", "What was played.", nullable=False),
        Column("device_type", "string", "mobile, smart_tv, desktop, tablet or the source's own."),
        Column("start_time", "timestamp", "When playing began, UTC.", nullable=False),
        Column("end_time", "timestamp", "When it ended, UTC; NULL while open or after a crash."),
        Column(
            "completion_rate",
            "float",
            "Share of the runtime that was played, 0-1 or 0-100.",
            minimum=ZERO,
            maximum=Decimal(100),
            is_share=True,
        ),
        UPDATED_AT,
    ),
    references=(Reference("user_id", "users"), Reference("movie_id", "movies")),
    interval=("start_time", "end_time"),
    event="start_time",
    optional=True,
)

TABLES = (USERS, MOVIES, SUBSCRIPTIONS, PAYMENTS, RATINGS, WATCH_SESSIONS)
