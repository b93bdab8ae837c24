"""The tables of scores of the video service."""

from decimal import Decimal

from setia.predicted import CHURN_QUALITY, CHURN_TENTHS, MODEL_ID, RECOMMENDATION_QUALITY, needed, share
from setia.schema import Column, Predicted, Type

ZERO = Decimal(0)

USER_SCORES = Predicted(
    "ml_user_scores",
    "Everybody with a subscription in force at as_of: the chance to leave, by choice or because charges fail,"
    " why, and what they are still to pay. Grain: user.",
    (
        needed("user_id", "key", "Who subscribes."),
        needed("as_of_date", "date", "The last day that is known."),
        needed("leaves_from", "date", "First day of those that the chances are for."),
        needed("leaves_before", "date", "First day after them."),
        share("churn_chance", "That no subscription is left on one of these days, late renewals aside."),
        share("voluntary_chance", "That it ends by choice."),
        share("involuntary_chance", "That it ends because charges failed."),
        Column(
            "reason_1",
            "string",
            "What most raises the chance beside that of the usual subscriber, if anything.",
        ),
        Column("reason_2", "string", "What raises it second most."),
        Column("reason_3", "string", "What raises it third most."),
        Column("mrr", "decimal", "MRR at as_of, in the reporting currency.", nullable=False, minimum=ZERO),
        Column("expected_lost_mrr", "decimal", "churn_chance x mrr.", minimum=ZERO),
        Column(
            "residual_value",
            "decimal",
            "Charges to come, the next included, worth a tenth less each year; NULL where too few renewals are known.",
            minimum=ZERO,
        ),
        needed("method", "string", "What gave the chance."),
        MODEL_ID,
    ),
    ("user_id",),
    (
        (
            "voluntary + involuntary = churn",
            "abs(voluntary_chance + involuntary_chance - churn_chance) > 1e-9",
        ),
        (
            "expected_lost_mrr = churn_chance x mrr",
            "abs(expected_lost_mrr - churn_chance * mrr) > 0.011",
        ),
        (
            "a chance is missing only for want of data",
            "(churn_chance is null) <> (method = 'not enough data')",
        ),
    ),
)
RETENTION_CURVE = Predicted(
    "ml_retention_curve",
    "The share of subscribers that is still there after so many monthly renewals: as seen (Kaplan-Meier, with its 95 %"
    " band), and as the shifted-beta-geometric model goes on. Grain: month.",
    (
        needed("month", "integer", "Renewals."),
        needed("at_risk", "integer", "Who came so far, and was seen to renew or leave then."),
        needed("left_users", "integer", "Who left at this renewal."),
        share("survival", "Share seen to stay beyond it."),
        share("survival_low", "The band's lower end."),
        share("survival_high", "The band's upper end."),
        share("projected", "Share that the model tells; NULL where too few renewals are known."),
    ),
    ("month",),
    (("no more leave than there are", "left_users > at_risk"),),
)
TITLE_LISTS = Predicted(
    "ml_title_recommendations",
    "Ten titles on offer that a subscriber, or somebody worth a message, has not watched. Grain: user and rank.",
    (
        needed("user_id", "key", "For whom."),
        Column("rank", "integer", "1 is the best.", nullable=False, minimum=Decimal(1), maximum=Decimal(10)),
        needed("movie_id", "key", "Which title."),
        Column("score", "float", "What the method said; only its order means anything.", nullable=False),
        needed("method", "string", "popularity, or ease with its penalty."),
        MODEL_ID,
    ),
    ("user_id", "rank"),
)


def _outlook(name: str, kind: Type, what: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_expected", kind, f"{what}, on average.", minimum=ZERO),
        Column(f"{name}_low", kind, f"{what}, at least, in 19 of 20 such cases.", minimum=ZERO),
        Column(f"{name}_high", kind, f"{what}, at most, in 19 of 20 such cases.", minimum=ZERO),
        needed(
            f"{name}_method", "string", "Which way told that best three months ago: by age, or as lately."
        ),
    )


TITLE_VALUE = Predicted(
    "ml_title_value",
    "Titles on offer after the last complete month: what they are to bring in the three months after it, of which only"
    " the share counts in which the licence runs. Grain: title.",
    (
        needed("movie_id", "key", "Which title."),
        *_outlook("hours", "float", "Hours watched"),
        *_outlook("completers", "float", "Viewers who reach the end, each month's anew"),
        *_outlook("revenue", "decimal", "Revenue attributed to it, user by user"),
        share("licence_share", "Share of the days of these months on which it is on offer.", nullable=False),
        Column(
            "licence_cost", "decimal", "What it costs in these, at the last month's rate; NULL where unknown."
        ),
        Column("return_expected", "decimal", "revenue_expected - licence_cost."),
        MODEL_ID,
    ),
    ("movie_id",),
    (
        (
            "low <= expected <= high",
            "hours_low > hours_expected or hours_expected > hours_high or revenue_low > revenue_expected"
            " or revenue_expected > revenue_high",
        ),
        (
            "return_expected = revenue_expected - licence_cost",
            "abs(return_expected - (revenue_expected - licence_cost)) > 0.011",
        ),
    ),
)
GENRE_DEMAND = Predicted(
    "ml_genre_demand",
    "Genres by what is watched of a title of theirs beside the mean of all, in the last three complete months."
    " Grain: genre; a title counts in each of its genres.",
    (
        needed("genre", "string", "Which genre."),
        needed("titles", "integer", "Titles with a complete month among these."),
        share(
            "share_of_titles",
            "Share of all titles, each counted once for each of its genres.",
            nullable=False,
        ),
        Column("hours", "float", "Hours watched of them.", nullable=False, minimum=ZERO),
        share("share_of_hours", "Share of all hours, counted the same way.", nullable=False),
        Column("demand", "float", "share_of_hours / share_of_titles.", nullable=False, minimum=ZERO),
        Column("demand_low", "float", "At least so much, in 19 of 20 drawings of its titles.", minimum=ZERO),
        Column("demand_high", "float", "At most so much, in 19 of 20 drawings of its titles.", minimum=ZERO),
        needed("is_undersupplied", "boolean", "demand_low is above 1: there is less of it than is watched."),
    ),
    ("genre",),
    (("demand = share_of_hours / share_of_titles", "abs(demand * share_of_titles - share_of_hours) > 1e-9"),),
)
CONTENT_QUALITY = Predicted(
    "ml_content_quality",
    "What was foretold of titles three complete months ago, and what came, beside as much as lately."
    " Grain: measure and method.",
    (
        needed("measure", "string", "hours, completers or revenue."),
        needed("method", "string", "by age, or as lately."),
        needed("titles", "integer", "How many could be foretold."),
        Column("expected", "float", "What was foretold of all.", nullable=False, minimum=ZERO),
        Column("came", "float", "What came of them.", nullable=False, minimum=ZERO),
        Column(
            "mean_absolute_error", "float", "Mean gap between both, a title.", nullable=False, minimum=ZERO
        ),
        share("covered_share", "Share of titles inside their interval; 0.9 was asked for."),
    ),
    ("measure", "method"),
)
PREDICTED = (
    USER_SCORES,
    RETENTION_CURVE,
    CHURN_QUALITY,
    CHURN_TENTHS,
    TITLE_LISTS,
    RECOMMENDATION_QUALITY,
    TITLE_VALUE,
    GENRE_DEMAND,
    CONTENT_QUALITY,
)
