"""What a campaign added: those who got it beside those who were left out by lot, and whom to spend a budget on.

The difference of two shares has Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10), which
holds for small groups and for shares of 0 and 1; that of two means has Welch's (Biometrika 34, 1947).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
COVERAGE = 0.95


@dataclass(frozen=True)
class Uplift:
    """What the treated have more than the others, a person: NaN bounds where a group is too small to tell."""

    treated: int
    control: int
    treated_mean: float
    control_mean: float
    uplift: float
    low: float
    high: float

    @property
    def added(self) -> tuple[float, float, float]:
        """What the campaign added in all: the estimate and its bounds."""
        return self.uplift * self.treated, self.low * self.treated, self.high * self.treated


def held_out(campaign: str, people: Sequence[Any], share: float) -> Bools:
    """Who is left out: about that share, by a hash of campaign and key, so that it hangs on nothing else.

    The same campaign leaves out the same people, whoever else is in it, and another one draws anew.
    """
    bound = int(share * 2**64)
    seed = blake2b(campaign.encode(), digest_size=32).digest()
    draws = (blake2b(str(key).encode(), digest_size=8, key=seed).digest() for key in people)
    return np.array([int.from_bytes(draw, "big") < bound for draw in draws], dtype=bool)


def of_shares(happened: Bools, is_control: Bools, coverage: float = COVERAGE) -> Uplift:
    """How many more of the treated did what was hoped for."""
    treated, control = happened[~is_control], happened[is_control]
    sizes = len(treated), len(control)
    if not all(sizes):
        return _unknown(treated.astype(np.float64), control.astype(np.float64))
    one, other = float(treated.mean()), float(control.mean())
    low, high = _score(one, sizes[0], coverage)
    low_other, high_other = _score(other, sizes[1], coverage)
    difference = one - other
    return Uplift(
        *sizes,
        one,
        other,
        difference,
        difference - float(np.hypot(one - low, high_other - other)),
        difference + float(np.hypot(high - one, other - low_other)),
    )


def _score(share: float, size: int, coverage: float) -> tuple[float, float]:
    """Wilson's interval of a share."""
    z = float(norm.ppf((1 + coverage) / 2))
    middle = share + z**2 / (2 * size)
    spread = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    return (middle - spread) / (1 + z**2 / size), (middle + spread) / (1 + z**2 / size)


def of_means(amounts: Floats, is_control: Bools, coverage: float = COVERAGE) -> Uplift:
    """How much more the treated spent, a person."""
    treated, control = amounts[~is_control], amounts[is_control]
    if min(len(treated), len(control)) < 2:
        return _unknown(treated, control)
    variances = [float(group.var(ddof=1)) / len(group) for group in (treated, control)]
    difference = float(treated.mean() - control.mean())
    spread = 0.0
    if sum(variances) > 0:
        parts = [
            each**2 / (len(group) - 1) for each, group in zip(variances, (treated, control), strict=True)
        ]
        freedom = sum(variances) ** 2 / sum(parts)
        spread = float(t.ppf((1 + coverage) / 2, freedom)) * float(np.sqrt(sum(variances)))
    return Uplift(
        len(treated),
        len(control),
        float(treated.mean()),
        float(control.mean()),
        difference,
        difference - spread,
        difference + spread,
    )


def _unknown(treated: Floats, control: Floats) -> Uplift:
    one, other = (float(group.mean()) if len(group) else np.nan for group in (treated, control))
    return Uplift(len(treated), len(control), one, other, one - other, np.nan, np.nan)


def smallest_told(people: int, control_share: float, usual: float, power: float = 0.8) -> float:
    """The smallest difference of shares that such a campaign would tell from none so often, at 95 % confidence.

    `usual` is the share of those left out who do it anyway; infinite without anybody in a group. The normal
    approximation with equal variances (Lachin, Controlled Clinical Trials 2, 1981).
    """
    control = people * control_share
    if not 0 < control < people:
        return float("inf")
    z = float(norm.ppf(0.975) + norm.ppf(power))
    return z * float(np.sqrt(usual * (1 - usual) * (1 / control + 1 / (people - control))))


def allocate(gains: Floats, costs: Floats, budget: float) -> Bools:
    """Whom to spend the budget on: who brings the most a unit of cost, as long as that is more than the cost.

    `gains` are what a message is expected to add, before its cost. With one cost for all nobody else would be better;
    with several, what stays of the budget is less than the cost of the next. Of equal ones the first is taken.
    """
    worth = np.flatnonzero((gains > costs) & (costs >= 0))
    with np.errstate(divide="ignore", over="ignore"):
        order = worth[np.argsort(-(gains[worth] / costs[worth]), kind="stable")]
    chosen = np.zeros(len(gains), dtype=bool)
    chosen[order[np.cumsum(costs[order]) <= budget]] = True
    return chosen
