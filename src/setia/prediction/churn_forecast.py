"""Who will leave from now on: by the method that was best at past cutoffs, else by the share of those who left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from setia.prediction.churn import (
    OURS,
    Comparison,
    Floats,
    Model,
    Snapshot,
    as_chances,
    compare,
    learn,
)

SHARE = "share that left"
NOT_ENOUGH = "not enough data"
FEWEST = 30
"""People of a cutoff, below whom the share that left says nothing."""


@dataclass(frozen=True)
class Learned:
    """What past cutoffs told: the methods beside each other, the one that is used, and what it needs.

    `model` is there where the data told one, whichever method is used. `before` and `left` are the scores of the method
    that is used, and who left, of the newest cutoff; `share` that of those who left after it.
    """

    method: str
    comparison: Comparison
    model: Model | None
    before: Floats | None
    left: np.ndarray[tuple[int], np.dtype[np.bool_]] | None
    share: float | None


def study(snapshots: Sequence[Snapshot], scores: Mapping[str, Sequence[Floats]]) -> Learned:
    """What these cutoffs tell, the oldest first; `scores` has those of other methods, as in `compare`.

    Where no method could be judged, the model is used if there is one, and else the share that left.
    Raises PredictionError when `check` does.
    """
    comparison, model = compare(snapshots, scores), learn(snapshots)
    last = snapshots[-1] if snapshots else None
    method = comparison.winner or (OURS if model else SHARE)
    if method == OURS and model is None:
        method = SHARE
    if last is not None and method in scores and (last.left.all() or not last.left.any()):
        method = SHARE  # a score becomes a chance by who left after the newest cutoff
    of_method = scores.get(method)
    if method == SHARE and (last is None or len(last.left) < FEWEST):
        method = NOT_ENOUGH
    return Learned(
        method,
        comparison,
        model,
        of_method[-1] if of_method else None,
        last.left if last else None,
        float(last.left.mean()) if last is not None and len(last.left) >= FEWEST else None,
    )


def foretell(learned: Learned, features: Floats, scores: Mapping[str, Floats]) -> Floats:
    """The chance of each person to leave; NaN where there is not enough data."""
    people = len(features)
    if not people or learned.method == NOT_ENOUGH:
        return np.full(people, np.nan)
    if learned.method == OURS:
        assert learned.model is not None
        return learned.model.chances(features)
    if learned.method == SHARE:
        assert learned.share is not None
        return np.full(people, learned.share)
    assert learned.before is not None
    assert learned.left is not None
    found = as_chances(learned.before, learned.left, scores[learned.method])
    assert found is not None
    return found


def reasons(learned: Learned, features: Floats, count: int = 3) -> list[list[str]]:
    """The names of the features that most raise each person's chance; none where no model scored them."""
    if learned.method != OURS or learned.model is None or not len(features):
        return [[] for _ in features]
    return learned.model.reasons(features, count)
