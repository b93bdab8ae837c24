"""How much customers spend on a purchase: the Gamma-Gamma model.

A customer's purchases have a mean of their own, which is not known from a few of them: what was seen is drawn towards
the mean of all, the less the more was seen. It holds that spending does not hang on how often somebody buys.
Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013); Fader, Hardie and Lee, "RFM and CLV", Journal of
Marketing Research 42 (2005).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]
BOUNDS = (-10.0, 12.0)
"""Of the logarithm of each parameter, money being scaled to its mean."""


@dataclass(frozen=True)
class SpendFit:
    """p, q (shapes) and v (money). Each customer's mean is Gamma(p, nu), with nu from Gamma(q, v)."""

    parameters: tuple[float, float, float]
    log_likelihood: float
    customers: int
    converged: bool


def fit_spend(purchases: Floats, mean_spend: Floats) -> SpendFit:
    """The most likely p, q and v, of those who bought, and paid more than nothing.

    `purchases` are the repeats that `mean_spend` is the mean of. Where nobody did, or all spend the same, `converged`
    is False.
    """
    purchases, mean_spend = (np.asarray(values, dtype=np.float64) for values in (purchases, mean_spend))
    told = (purchases > 0) & (mean_spend > 0)
    x, unit = purchases[told], float(np.mean(mean_spend[told])) if told.any() else 1.0
    m = mean_spend[told] / unit
    if len(x) < 2 or np.ptp(m) <= 1e-9:
        return SpendFit((np.nan, np.nan, np.nan), np.nan, len(x), False)
    log_x, log_m = np.log(x), np.log(m)

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(logarithms)
        px, log_total = p * x, np.log(v + x * m)
        both = digamma(px + q)
        values = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
        values += (px - 1) * log_m + px * log_x - (px + q) * log_total
        by_p = x * (both - digamma(px) + log_m + log_x - log_total)
        by_q = both - digamma(q) + np.log(v) - log_total
        by_v = q / v - (px + q) / (v + x * m)
        gradient = np.array([by_p.mean() * p, by_q.mean() * q, by_v.mean() * v])
        return -float(values.mean()), -gradient

    found = minimize(
        objective, np.log([1.0, 2.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[BOUNDS] * 3,
        options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 1000},
    )  # fmt: skip
    inside = bool(np.all((found.x > BOUNDS[0] + 1e-3) & (found.x < BOUNDS[1] - 1e-3)))
    p, q, v = np.exp(found.x)
    likelihood = -float(found.fun) * len(x) - len(x) * np.log(unit)
    # Under q = 1 the mean of all has no mean.
    return SpendFit((p, q, v * unit), likelihood, len(x), inside and q > 1)


def expected_spend(fitted: SpendFit, purchases: Floats, mean_spend: Floats) -> Floats:
    """What a customer spends on a purchase to come; the mean of all for who has not bought again."""
    p, q, v = fitted.parameters
    seen = np.where(purchases > 0, purchases * mean_spend, 0.0)
    return p * (v + seen) / (p * purchases + q - 1)


def spend_squared(fitted: SpendFit, purchases: Floats, mean_spend: Floats) -> tuple[Floats, Floats]:
    """Of a purchase to come: the expected square of the customer's own mean, and the variance around that mean.

    The rate nu of a customer is Gamma(p x + q, v + x m) then; where that has no second moment, the least that has one
    stands in, so that an interval is wide and not without end.
    """
    p, q, v = fitted.parameters
    shape = np.maximum(p * purchases + q, 2.0 + 1e-3)
    scale = v + np.where(purchases > 0, purchases * mean_spend, 0.0)
    inverse_square = scale**2 / ((shape - 1) * (shape - 2))
    return p**2 * inverse_square, p * inverse_square
