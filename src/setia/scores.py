"""Rows of the tables of scores, typed as they are described."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow
import pyarrow.compute

from setia.predicted import CHURN_QUALITY, CHURN_TENTHS, RECOMMENDATION_QUALITY
from setia.prediction.back_test import Quality
from setia.prediction.churn_forecast import Learned
from setia.prediction.recommend import Method
from setia.schema import Predicted


def churn_quality(learned: Learned) -> pyarrow.Table:
    """The rows of CHURN_QUALITY."""
    rows = [
        {"method": name, "cutoff_date": cutoff, "is_used": name == learned.method, **_quality(found)}
        for name, qualities in learned.comparison.qualities.items()
        for cutoff, found in zip(learned.comparison.cutoffs, qualities, strict=True)
        if found
    ]
    return table(CHURN_QUALITY, rows)


def _quality(found: Quality) -> dict[str, float | None]:
    names = ("people", "auc", "average_precision", "lift", "log_loss", "brier", "calibration_error")
    return {name: getattr(found, name) for name in names} | {"share_left": found.share}


def churn_tenths(learned: Learned) -> pyarrow.Table:
    """The rows of CHURN_TENTHS."""
    rows = [
        {
            "tenth": number,
            "method": learned.method,
            "cutoff_date": learned.comparison.cutoffs[-1],
            "people": tenth.people,
            "least_chance": tenth.least,
            "mean_chance": min(tenth.chance, 1.0),
            "left_people": tenth.happened,
        }
        for number, tenth in enumerate(learned.comparison.tenths.get(learned.method, ()), start=1)
    ]
    return table(CHURN_TENTHS, rows)


def recommendation_quality(method: Method) -> pyarrow.Table:
    """The rows of RECOMMENDATION_QUALITY."""
    rows = [
        {
            "method": name,
            "is_used": name == method.name,
            "people": found.people,
            "ndcg": found.ndcg,
            "ndcg_error": found.error,
            "precision": found.precision,
            "recall": found.recall,
            "hit_rate": found.hit_rate,
            "coverage": found.coverage,
        }
        for name, found in method.evaluations.items()
    ]
    return table(RECOMMENDATION_QUALITY, rows)


ARROW = {
    "string": pyarrow.string(),
    "integer": pyarrow.int64(),
    "float": pyarrow.float64(),
    "boolean": pyarrow.bool_(),
    "date": pyarrow.date32(),
    "timestamp": pyarrow.timestamp("us", "UTC"),
    "decimal": pyarrow.decimal128(18, 2),
}


def table(predicted: Predicted, rows: Sequence[Mapping[str, object]]) -> pyarrow.Table:
    """A few rows as the table that they belong to."""
    columns = {column.name: [row[column.name] for row in rows] for column in predicted.columns}
    return typed(predicted, pyarrow.table(columns))


def typed(predicted: Predicted, rows: pyarrow.Table) -> pyarrow.Table:
    """The columns in their order and types; NaN becomes NULL. Keys keep their type. KeyError when one is missing."""
    columns = []
    for column in predicted.columns:
        values = rows.column(column.name)
        kind: Any = values.type if column.type == "key" else ARROW[column.type]
        if pyarrow.types.is_floating(values.type):
            nan = pyarrow.compute.is_nan(values)
            values = pyarrow.compute.if_else(nan, None, values)
        if column.type == "decimal" and pyarrow.types.is_floating(values.type):
            values = pyarrow.compute.round(values, 2)
        columns.append(values.cast(kind))
    return pyarrow.table(columns, names=[column.name for column in predicted.columns])
