"""Who will leave: a sum of what each feature says, learned at past cutoffs, calibrated, and judged at later ones.

The model is gradient boosting (Friedman, Annals of Statistics 29, 2001) whose trees see one feature each, so that the
log-odds are a sum over features: what a feature adds is exact, and needs no approximation to be explained. On IBM's
telco customers that costs nothing: AUC 0.849 both ways. Calibration is Platt's (1999), at a later cutoff.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from setia.errors import PredictionError
from setia.prediction.back_test import Quality, Tenth, area, quality, tenths

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
OURS = "model"
TELLS_ALL = 0.98
"""A feature that alone tells so well who leaves was made from the answer."""
FEWEST = 50
"""Who left, and who stayed, of whom a model is learned at least."""
MOST = 200_000
"""People whom the model is shaped by: of more, every second, third, ... is taken."""
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Snapshot:
    """People as they were known at the end of the day `cutoff`: a row each, a column per name, NaN where unknown.

    `left` says who left from the day `since` to the day before `until`. `telling` features may tell it alone, since
    they are people's own word, such as a cancellation.
    """

    cutoff: date
    since: date
    until: date
    names: tuple[str, ...]
    features: Floats
    left: Bools
    telling: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """What was learned; `reference` is the person with the median of every feature."""

    names: tuple[str, ...]
    boosting: HistGradientBoostingClassifier
    slope: float
    intercept: float
    reference: Floats

    def log_odds(self, features: Floats) -> Floats:
        """That each person leaves."""
        with threadpool_limits(1, "openmp"):  # more threads sum in another order, and spin while they wait
            raw: Floats = self.boosting.decision_function(features)
        return self.intercept + self.slope * raw

    def chances(self, features: Floats) -> Floats:
        """That each person leaves."""
        found: Floats = expit(self.log_odds(features))
        return found

    def contributions(self, features: Floats) -> Floats:
        """What each feature adds to a person's log-odds beside the reference's: people by names.

        Together with the reference's log-odds they add up to the person's.
        """
        usual, added = self.log_odds(self.reference[None]), np.empty_like(features)
        for place, column in enumerate(features.T):
            values, back = np.unique(column, return_inverse=True)
            rows = np.tile(self.reference, (len(values), 1))
            rows[:, place] = values
            added[:, place] = (self.log_odds(rows) - usual)[back]
        return added

    def reasons(self, features: Floats, count: int = 3) -> list[list[str]]:
        """The names of the features that most raise each person's chance to leave, the most first; none that do not."""
        added = self.contributions(features)
        order = np.argsort(-added, axis=1, kind="stable")[:, :count]
        return [
            [self.names[each] for each in columns if row[each] > 0]
            for row, columns in zip(added, order, strict=True)
        ]


def learn(snapshots: Sequence[Snapshot]) -> Model | None:
    """The model of who left after these cutoffs, the oldest first; None where too few left or stayed to learn from.

    All but the last cutoff shape it, and the last calibrates it; a single one does both.
    Raises PredictionError when `check` does.
    """
    check(snapshots)
    return fit(snapshots)


def fit(snapshots: Sequence[Snapshot]) -> Model | None:
    """As `learn`, of features that may well tell all: among those who left, a failed charge tells how."""
    shaping = snapshots[:-1] or snapshots
    if not snapshots or any(_fewest(part) < FEWEST for part in (shaping, snapshots[-1:])):
        return None
    features = np.concatenate([each.features for each in shaping])
    left = np.concatenate([each.left for each in shaping])
    every = -(-len(left) // MOST)
    unknown = np.isnan(features).all(axis=0)  # scikit-learn can't cut a column of which nothing is known
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=300,
        max_leaf_nodes=4,
        l2_regularization=5.0,
        interaction_cst="no_interactions",
        early_stopping=False,
        random_state=7,
    )
    with threadpool_limits(1, "openmp"):
        boosting.fit(np.where(unknown, 0.0, features)[::every], left[::every])
    raw = Model(snapshots[-1].names, boosting, 1.0, 0.0, _medians(features))
    if len(snapshots) == 1:
        return raw
    slope, intercept = _platt(raw.log_odds(snapshots[-1].features), snapshots[-1].left)
    return Model(raw.names, boosting, slope, intercept, raw.reference)


def _fewest(snapshots: Sequence[Snapshot]) -> int:
    left = sum(int(each.left.sum()) for each in snapshots)
    return min(left, sum(len(each.left) for each in snapshots) - left)


def _medians(features: Floats) -> Floats:
    known = (column[~np.isnan(column)] for column in features.T)
    return np.array([np.median(column) if len(column) else np.nan for column in known])


def _platt(scores: Floats, left: Bools) -> tuple[float, float]:
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(scores[:, None], left)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def check(snapshots: Sequence[Snapshot]) -> None:
    """The leak guard. Raises PredictionError where a snapshot tells, or is told, what it has to foretell."""
    for each in snapshots:
        if not each.cutoff < each.since < each.until:
            raise PredictionError(
                f"People are known up to {each.cutoff}, and leave from {each.since} to before {each.until}.",
                "Who leaves has to be told from days after those that people are known up to.",
                "Ask for a later start, or an earlier cutoff.",
            )
        for name, column in zip(each.names, each.features.T, strict=True):
            is_known = ~np.isnan(column)
            left = each.left[is_known]
            few = min(left.sum(), (~left).sum()) < FEWEST  # some feature tells a few people apart by chance
            found = None if few or name in each.telling else area(column[is_known], left)
            if found is not None and max(found, 1 - found) > TELLS_ALL:
                raise PredictionError(
                    f"{name} alone tells who leaves after {each.cutoff} (AUC {max(found, 1 - found):.3f}).",
                    f"What is known at a cutoff never does (above {TELLS_ALL}): it was made from the answer.",
                    f"Leave {name} out, or make it from rows before the cutoff only.",
                )
    for one, other in pairwise(snapshots):
        if not one.cutoff < other.cutoff or one.names != other.names:
            raise PredictionError(
                f"The cutoff {other.cutoff} follows {one.cutoff}, with the features {', '.join(other.names)}.",
                f"Cutoffs go forward, each with the features {', '.join(one.names)}.",
                "Sort them, and give all the same features.",
            )


@dataclass(frozen=True)
class Comparison:
    """How good each method was at each cutoff that was judged, by its name; and the best of them.

    `tenths` are of the newest of these cutoffs. The best has the lowest mean log loss of those that could be judged at
    all of them: None without any.
    """

    cutoffs: tuple[date, ...]
    qualities: Mapping[str, tuple[Quality | None, ...]]
    tenths: Mapping[str, tuple[Tenth, ...]]

    @property
    def winner(self) -> str | None:
        """The best method."""
        losses = {
            name: float(np.mean([each.log_loss for each in found if each]))
            for name, found in self.qualities.items()
            if found and all(each and each.log_loss is not None for each in found)
        }
        return min(losses, key=losses.__getitem__, default=None)


def compare(
    snapshots: Sequence[Snapshot], scores: Mapping[str, Sequence[Floats]], newest: int = 3
) -> Comparison:
    """The model beside other methods, at the newest cutoffs before which the answer to an earlier one was known.

    `scores` has by the name of a method its scores of each snapshot's people, larger where they may rather leave; they
    become chances as the model's do, by what came after the cutoff before. Nothing of the cutoff judged, or of days
    after it, is known to any method. Raises PredictionError when `check` does.
    """
    check(snapshots)
    places = [
        place
        for place, judged in enumerate(snapshots)
        if _known(snapshots, place) and judged.left.any() and not judged.left.all()
    ][-newest:]
    found: dict[str, list[Quality | None]] = {name: [] for name in (OURS, *scores)}
    groups: dict[str, tuple[Tenth, ...]] = {}
    for place in places:
        for name, chances in _chances_at(snapshots, scores, place).items():
            left = snapshots[place].left
            found[name].append(None if chances is None else quality(chances, left))
            groups[name] = () if chances is None else tuple(tenths(chances, left))
    cutoffs = tuple(snapshots[place].cutoff for place in places)
    return Comparison(cutoffs, {name: tuple(each) for name, each in found.items()}, groups)


def _known(snapshots: Sequence[Snapshot], place: int) -> list[int]:
    """The snapshots whose answer was known at the cutoff of this one."""
    judged = snapshots[place].cutoff + A_DAY
    return [index for index in range(place) if snapshots[index].until <= judged]


def _chances_at(
    snapshots: Sequence[Snapshot], scores: Mapping[str, Sequence[Floats]], place: int
) -> dict[str, Floats | None]:
    known, judged = _known(snapshots, place), snapshots[place]
    model = learn([snapshots[index] for index in known])
    found = {OURS: model.chances(judged.features) if model else None}
    before = snapshots[known[-1]]
    for name, of_method in scores.items():
        found[name] = as_chances(of_method[known[-1]], before.left, of_method[place])
    return found


def as_chances(before: Floats, left: Bools, scores: Floats) -> Floats | None:
    """Scores as chances, by what scores of the same method told of who left before; None where that tells nothing."""
    if left.all() or not left.any():
        return None
    slope, intercept = _platt(before, left)
    chances: Floats = expit(intercept + slope * scores)
    return chances
