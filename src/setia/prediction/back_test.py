"""How good chances were, once it is known what happened. Nothing here depends on the order of people, ties included.

Discrimination: the area under the ROC curve, as the share of pairs in the right order (Hanley and McNeil, Radiology
143, 1982), average precision over distinct chances, and lift. Calibration: the tenths of people by chance, and the
mean gap between what was said and what happened in them (Naeini, Cooper and Hauskrecht, AAAI 2015, with bins of equal
size).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LEAST = 1e-15
"""A chance of 0 or 1 that was wrong would have an infinite loss."""


@dataclass(frozen=True)
class Quality:
    """Of `people`, to the `share` of whom it happened. NULL where it happened to all or to nobody.

    `lift` is how many times as often as to anybody it happened to the tenth with the largest chances.
    """

    people: int
    share: float | None
    auc: float | None
    average_precision: float | None
    lift: float | None
    log_loss: float | None
    brier: float | None
    calibration_error: float | None


@dataclass(frozen=True)
class Tenth:
    """People of similar chances: how many, the least and the mean chance of them, and to how many it happened."""

    people: int
    least: float
    chance: float
    happened: int


def quality(chances: Floats, happened: Bools) -> Quality:
    """How good these chances, from 0 to 1, were."""
    chances, happened = np.asarray(chances, dtype=np.float64), np.asarray(happened, dtype=bool)
    assert chances.shape == happened.shape
    assert not np.isnan(chances).any()
    people, those = len(happened), int(happened.sum())
    if not people:
        return Quality(0, *[None] * 7)
    bounded = np.clip(chances, LEAST, 1 - LEAST)
    losses = -xlogy(happened, bounded) - xlogy(~happened, 1 - bounded)
    gaps = [abs(tenth.happened - tenth.people * tenth.chance) for tenth in tenths(chances, happened)]
    is_both = 0 < those < people
    return Quality(
        people,
        those / people,
        area(chances, happened),
        _average_precision(chances, happened) if is_both else None,
        _caught(chances, happened, people / 10) / (those / 10) if is_both else None,
        float(losses.mean()),
        float(np.square(chances - happened).mean()),
        sum(gaps) / people,
    )


def tenths(chances: Floats, happened: Bools) -> list[Tenth]:
    """The people by their chance, the least first, in ten groups of one size; equal chances stay together.

    There are fewer groups where many chances are equal.
    """
    if not len(chances):
        return []
    bounds = np.quantile(chances, np.linspace(0, 1, 11)[1:-1], method="higher")
    group = np.searchsorted(np.unique(bounds), chances, side="right")
    return [
        Tenth(
            int(is_in.sum()),
            float(chances[is_in].min()),
            float(chances[is_in].mean()),
            int(happened[is_in].sum()),
        )
        for is_in in (group == each for each in np.unique(group))
    ]


def area(scores: Floats, happened: Bools) -> float | None:
    """The share of pairs of whom the one to whom it happened has the larger score; of any scores, also negative ones.

    NULL where it happened to all or to nobody.
    """
    those = int(happened.sum())
    if not 0 < those < len(happened):
        return None
    above = rankdata(scores)[happened].sum() - those * (those + 1) / 2
    return float(above / (those * (len(happened) - those)))


def _groups(chances: Floats, happened: Bools) -> tuple[Floats, Floats]:
    """How many people have each distinct chance or a larger one, and to how many of them it happened."""
    _, group = np.unique(-chances, return_inverse=True)
    people = np.bincount(group).cumsum().astype(np.float64)
    return people, np.bincount(group, weights=happened).cumsum()


def _average_precision(chances: Floats, happened: Bools) -> float:
    people, those = _groups(chances, happened)
    return float(np.sum(np.diff(those, prepend=0.0) / those[-1] * those / people))


def _caught(chances: Floats, happened: Bools, count: float) -> float:
    """To how many of the `count` people with the largest chances it happened; of equal chances, a share of them."""
    people, those = _groups(chances, happened)
    return float(np.interp(count, np.concatenate([[0.0], people]), np.concatenate([[0.0], those])))
