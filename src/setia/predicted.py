"""The score tables that both businesses have: how good each way to foretell was, and which one is used."""

from decimal import Decimal

from setia.schema import Column, Predicted, Type

ZERO, ONE = Decimal(0), Decimal(1)


def share(name: str, description: str, nullable: bool = True) -> Column:
    """A column from 0 to 1."""
    return Column(name, "float", description, nullable=nullable, minimum=ZERO, maximum=ONE)


def needed(name: str, kind: Type, description: str) -> Column:
    """A column that every row has a value in."""
    return Column(name, kind, description, nullable=False)


MODEL_ID = needed("model_id", "string", "What was learned and when: the folder of its card, under models/.")
CHURN_QUALITY = Predicted(
    "ml_churn_quality",
    "How good each way to foretell who leaves was, at the newest cutoffs whose answer is known."
    " Grain: method and cutoff.",
    (
        needed("method", "string", "The model, or a simple score that became a chance by the cutoff before."),
        needed("cutoff_date", "date", "The last day that was known."),
        needed("is_used", "boolean", "Whether this method scores people now: the lowest mean log_loss."),
        needed("people", "integer", "Who was judged."),
        share("share_left", "Share of them who left."),
        share("auc", "Share of pairs, one who left and one who stayed, in the right order."),
        share("average_precision", "Mean share of leavers among the first k, over those who left."),
        Column(
            "lift", "float", "How many times as often the tenth of the largest chances left.", minimum=ZERO
        ),
        Column("log_loss", "float", "Mean of -ln of the chance given to what happened.", minimum=ZERO),
        share("brier", "Mean squared gap between chance and what happened."),
        share("calibration_error", "Mean gap, in tenths, between the mean chance and the share that left."),
    ),
    ("method", "cutoff_date"),
)
CHURN_TENTHS = Predicted(
    "ml_churn_tenths",
    "People by their chance to leave at the newest cutoff that could be judged, by the method that is used, in up to"
    " ten groups. Grain: tenth.",
    (
        needed("tenth", "integer", "1 is the group with the smallest chances."),
        needed("method", "string", "The method that is used."),
        needed("cutoff_date", "date", "The last day that was known."),
        needed("people", "integer", "How many."),
        share("least_chance", "The smallest chance in the group.", nullable=False),
        share("mean_chance", "The mean chance.", nullable=False),
        needed("left_people", "integer", "How many left."),
    ),
    ("tenth",),
    (("no more people left than there are", "left_people > people"),),
)
RECOMMENDATION_QUALITY = Predicted(
    "ml_recommendation_quality",
    "How well lists of ten from what was known before the last weeks foretold what people chose in them."
    " Grain: method.",
    (
        needed("method", "string", "popularity, or ease with its penalty."),
        needed("is_used", "boolean", "Whether this method makes the lists now."),
        needed("people", "integer", "Who chose something new in those weeks."),
        share("ndcg", "Normalised discounted cumulative gain of ten.", nullable=False),
        share("ndcg_error", "Its standard error.", nullable=False),
        share("precision", "Share of the lists that was chosen.", nullable=False),
        share("recall", "Share of what was chosen that was in the list.", nullable=False),
        share("hit_rate", "Share of people with a hit.", nullable=False),
        share("coverage", "Share of the items that were in any list.", nullable=False),
    ),
    ("method",),
)
