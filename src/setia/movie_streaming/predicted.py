"""The tables of scores of the video service."""

from decimal import Decimal

from setia.predicted import CHURN_QUALITY, CHURN_TENTHS, RECOMMENDATION_QUALITY, needed, share
from setia.schema import Column, Predicted

ZERO = Decimal(0)
MODEL_ID = needed("model_id", "string", "What was learned and when: the folder of its card, under models/.")

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
PREDICTED = (USER_SCORES, RETENTION_CURVE, CHURN_QUALITY, CHURN_TENTHS, TITLE_LISTS, RECOMMENDATION_QUALITY)
