"""Whether people still look like those that a model was learned from: the population stability index.

Siddiqi, Credit Risk Scorecards (2006), chapter 9: the sum over tenths of (share now - share then) x ln(now / then).
Under 0.1 nothing has moved, over 0.25 much has.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOVED = 0.25
LEAST = 1e-4
"""A share of none would be an infinite index."""


@dataclass(frozen=True)
class Reference:
    """Of each feature: the bounds of the tenths of those whom a model was learned from, and the share of each.

    The last share is of those of whom the feature is not known.
    """

    names: tuple[str, ...]
    bounds: tuple[Floats, ...]
    shares: tuple[Floats, ...]


def reference(names: tuple[str, ...], features: Floats) -> Reference:
    """How these people are spread, people by features; NaN where unknown."""
    bounds = []
    for column in features.T:
        known = column[~np.isnan(column)]
        bounds.append(
            np.unique(np.quantile(known, np.linspace(0, 1, 11)[1:-1])) if len(known) else np.empty(0)
        )
    return Reference(
        names,
        tuple(bounds),
        tuple(_shares(column, each) for column, each in zip(features.T, bounds, strict=True)),
    )


def _shares(column: Floats, bounds: Floats) -> Floats:
    place = np.where(np.isnan(column), len(bounds) + 1, np.searchsorted(bounds, column, side="right"))
    return np.bincount(place, minlength=len(bounds) + 2) / max(len(column), 1)


def index(known: Reference, features: Floats) -> dict[str, float]:
    """The index of each feature, by its name; 0 for nobody."""
    found = {}
    for name, column, bounds, then in zip(known.names, features.T, known.bounds, known.shares, strict=True):
        now, before = np.maximum(_shares(column, bounds), LEAST), np.maximum(then, LEAST)
        found[name] = float(np.sum((now - before) * np.log(now / before))) if len(column) else 0.0
    return found
