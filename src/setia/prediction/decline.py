"""How much of something whose use changes with its age is still to come: by how others went on from the same age.

What came in the next months over what came lately, a ratio, is taken from every thing and past month, as if all things
together had gone on as lately: whether all grow is another question than which of them do. The mean ratio of an age,
weighted by what came lately, times what came lately is what is expected, so that totals are right; twentieths of the
ratios around it are the interval (split conformal prediction, Vovk et al., Algorithmic Learning in a Random World,
2005, with the age as the category).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AGES = (1, 2, 3, 6, 12, 24)
"""Months from which on another age begins."""
FEWEST = 40
"""Ratios of an age, below which those of all ages stand in."""
NEWEST = 12
"""Months that ratios are taken from: what grew or shrank earlier says less."""


@dataclass(frozen=True)
class Decline:
    """By age: the mean ratio, and the bounds that hold so many of them; NaN where nothing is known at all."""

    mean: Floats
    low: Floats
    high: Floats
    horizon: int


@dataclass(frozen=True)
class Outlook:
    """One entry a thing: what is expected in the next months, and the bounds; NaN where nothing is known."""

    expected: Floats
    low: Floats
    high: Floats


def lately(values: Floats, month: int) -> Floats:
    """What came a month in this one and the one before, where it was there: things by months, NaN where it was not."""
    if not 0 <= month < values.shape[1]:
        return np.full(len(values), np.nan)
    seen = values[:, max(month - 1, 0) : month + 1]
    is_there = ~np.isnan(seen)
    return np.where(is_there[:, -1], np.nansum(seen, axis=1) / np.maximum(is_there.sum(axis=1), 1), np.nan)


def learn(values: Floats, ages: Floats, horizon: int, coverage: float = 0.9) -> Decline:
    """How things went on, `horizon` months from each past month. `ages` are in months, things by months, from 0 on."""
    months = range(max(values.shape[1] - horizon - NEWEST, 0), values.shape[1] - horizon)
    base = np.concatenate([lately(values, month) for month in months]) if months else np.empty(0)
    parts = [_as_lately(values, month, horizon) for month in months]
    came = np.concatenate(parts) if months else np.empty(0)
    group = _groups(np.concatenate([ages[:, month] for month in months]) if months else np.empty(0))
    told = base > 0
    base, came, group = base[told], came[told], group[told]
    found = np.full((3, len(AGES) + 1), np.nan)
    for place in range(len(AGES) + 1):
        of_age = group == place
        of_age = of_age if of_age.sum() >= FEWEST else np.ones(len(group), dtype=bool)
        if of_age.sum() >= FEWEST:
            ratio = came[of_age] / base[of_age]
            bounds = np.quantile(ratio, [(1 - coverage) / 2, (1 + coverage) / 2])
            mean = came[of_age].sum() / base[of_age].sum()
            found[:, place] = mean, min(bounds[0], mean), max(bounds[1], mean)
    return Decline(found[0], found[1], found[2], horizon)


def _as_lately(values: Floats, month: int, horizon: int) -> Floats:
    """What came of each after a month, of a total as lately."""
    came: Floats = np.nansum(values[:, month + 1 : month + 1 + horizon], axis=1)
    months = np.nansum(values[:, max(month - 1, 0) : month + 1], axis=0)
    total, usual = float(came.sum()), horizon * float(months.mean())
    return came * (usual / total) if total > 0 else came


def _groups(ages: Floats) -> NDArray[np.int64]:
    return np.searchsorted(AGES, ages, side="right").astype(np.int64)


def foretell(learned: Decline, base: Floats, ages: Floats) -> Outlook:
    """What comes next of things that had so much a month lately, at these ages."""
    group = _groups(ages)
    return Outlook(*(base * each[group] for each in (learned.mean, learned.low, learned.high)))
