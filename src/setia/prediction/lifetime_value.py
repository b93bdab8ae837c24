"""What customers without a contract will order and be worth: by a model, else by their segment, else not at all.

Churn here is a chance, that of no order in the days to come, and never P(alive): to the BG/NBD whoever bought once is
surely alive. The gates are those that Klaviyo names for its predictions (help article 360020919731).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, nbinom

from setia.prediction.purchase_models import (
    BG_NBD,
    MBG_NBD,
    Fit,
    Floats,
    Histories,
    expected_purchases,
    fit,
    group,
    probability_alive,
    probability_of_none,
    time_to_next,
)
from setia.prediction.spend_model import SpendFit, expected_spend, fit_spend, spend_squared

MIN_CUSTOMERS = 500
MIN_SPAN = 180.0
MAX_SILENCE = 30.0
MIN_REPEATS = 2
"""Order days after the first that somebody must have: three in all."""
MIN_SEGMENT = 30
"""Customers of a segment, below which its mean is that of all."""
NOT_ENOUGH = "not enough data"
YEAR = 365.0
TINY = 1e-9
"""A chance below which nothing is divided by it: what it would tell lies beyond any interval."""
PARTS = 12
"""Of the longest horizon, for discounting: what is ordered in one counts at its middle."""


@dataclass(frozen=True)
class Customers:
    """One entry a customer, times in days: order days after the first; from the first to the last; from it to as_of.

    `mean_value` is what they spent on an order day after the first, in money or margin; 0 without one.
    """

    repeats: Floats
    recency: Floats
    age: Floats
    mean_value: Floats
    segment: NDArray[np.str_]


@dataclass(frozen=True)
class Rules:
    """How far to look ahead, in days; how sure intervals are; by how much less money is worth a year later."""

    churn_days: float = 90.0
    horizons: tuple[float, ...] = (30.0, 90.0, 365.0)
    coverage: float = 0.9
    discount: float = 0.1


@dataclass(frozen=True)
class Models:
    """BG/NBD for how many orders come, MBG/NBD for whether one does, Gamma-Gamma for what is spent.

    Two for orders, as neither is good at both: of CDNOW's 23,570 customers MBG/NBD foretells 19 % too few orders and
    BG/NBD 14 %, and BG/NBD tells who stays away worse (AUC 0.788 beside 0.793, calibration error 0.031 beside 0.023).
    """

    orders: Fit
    churn: Fit
    spend: SpendFit


@dataclass(frozen=True)
class Forecast:
    """One entry a customer; NaN where nothing is known, as `method` says then.

    `orders` and its bounds have a row for each horizon. Values are of the longest, discounted; a segment gives no
    bounds and no day.
    """

    method: NDArray[np.str_]
    no_order: Floats
    orders: Floats
    orders_low: Floats
    orders_high: Floats
    value: Floats
    value_low: Floats
    value_high: Floats
    days_to_next: Floats


def learn(customers: Customers) -> Models | str:
    """The models of these customers; or why there are none: too few, or their orders do not tell the parameters."""
    reason = too_little(customers)
    if reason:
        return reason
    histories = group(customers.repeats, customers.recency, customers.age)
    orders, churn = fit(BG_NBD, histories), fit(MBG_NBD, histories)
    spend = fit_spend(customers.repeats, customers.mean_value)
    unknown = [fitted.model.name for fitted in (orders, churn) if not fitted.converged]
    unknown += [] if spend.converged else ["Gamma-Gamma"]
    if unknown:
        return f"these orders do not tell the parameters of {', '.join(unknown)}"
    return Models(orders, churn, spend)


def too_little(customers: Customers) -> str:
    """Why these customers are too few, too new or too quiet for a model; empty when they are not."""
    count = len(customers.age)
    if count < MIN_CUSTOMERS:
        return f"{count} customers have ordered; a model needs {MIN_CUSTOMERS}"
    span, silence = float(customers.age.max()), float((customers.age - customers.recency).min())
    if span < MIN_SPAN:
        return f"the first order was {span:.0f} days ago; a model needs {MIN_SPAN:.0f}"
    if silence > MAX_SILENCE:
        return f"the last order was {silence:.0f} days ago; a model needs one within {MAX_SILENCE:.0f}"
    if customers.repeats.max() < MIN_REPEATS:
        return f"nobody has ordered on {MIN_REPEATS + 1} days"
    return ""


def forecast(customers: Customers, learnt: Models | str, rules: Rules | None = None) -> Forecast:
    """What these customers will do, by the models that were learnt, or else by the mean of their segments."""
    rules = rules or Rules()
    return _by_segment(customers, rules) if isinstance(learnt, str) else _by_models(customers, learnt, rules)


def _by_models(customers: Customers, models: Models, rules: Rules) -> Forecast:
    histories = group(customers.repeats, customers.recency, customers.age)
    place = histories.group
    orders = np.array([expected_purchases(models.orders, histories, days) for days in rules.horizons])
    bounds = np.array([_bounds_of_orders(models.orders, histories, row, rules.coverage) for row in orders])
    worth = _discounted(models.orders, histories, rules) / np.maximum(orders[-1], 1e-300)
    value = orders[-1][place] * expected_spend(models.spend, customers.repeats, customers.mean_value)
    low, high = _bounds_of_value(customers, models, (histories, orders[-1]), value, rules)
    return Forecast(
        method=np.full(len(place), "BG/NBD, MBG/NBD, Gamma-Gamma"),
        no_order=probability_of_none(models.churn, histories, rules.churn_days)[place],
        orders=orders[:, place],
        orders_low=bounds[:, 0, place],
        orders_high=bounds[:, 1, place],
        value=value * worth[place],
        value_low=low * worth[place],
        value_high=high * worth[place],
        days_to_next=time_to_next(models.churn, histories)[place],
    )


def _bounds_of_orders(fitted: Fit, histories: Histories, orders: Floats, coverage: float) -> Floats:
    """The quantiles of orders: none from the dead, from the living a negative binomial of the same mean.

    That is exact for the rate, Gamma(r + repeats, ...), and takes their chance to stop as fewer orders.
    """
    alive = probability_alive(fitted, histories)
    shape = fitted.parameters[0] + histories.repeats
    success = shape / (shape + orders / np.maximum(alive, TINY))
    among_living = [np.clip((q - (1 - alive)) / np.maximum(alive, TINY), 0.0, 1.0) for q in _tails(coverage)]
    return np.array([np.maximum(nbinom.ppf(q, shape, success), 0.0) for q in among_living])


def _bounds_of_value(
    customers: Customers,
    models: Models,
    foretold: tuple[Histories, Floats],
    value: Floats,
    rules: Rules,
) -> tuple[Floats, Floats]:
    """The quantiles of money: nothing with the chance of no order, else a gamma of the mean and variance that remain.

    The variance is that of a sum of so many purchases (the law of total variance), of a customer whose own mean spend
    is not known, either.
    """
    fitted, (histories, orders) = models.orders, foretold
    place, alive = histories.group, probability_alive(fitted, histories)
    none = probability_of_none(fitted, histories, max(rules.horizons))
    living = orders / np.maximum(alive, TINY)
    squares = alive * (living + living**2 * (1 + 1 / (fitted.parameters[0] + histories.repeats)))
    mean_squared, around = spend_squared(models.spend, customers.repeats, customers.mean_value)
    second_moment = orders[place] * around + squares[place] * mean_squared
    some = np.maximum(1 - none[place], TINY)
    mean = value / some
    variance = np.maximum(second_moment / some - mean**2, 1e-12 * mean**2 + 1e-300)
    shape, scale = mean**2 / variance, variance / np.maximum(mean, 1e-300)
    low, high = (
        np.asarray(
            gamma.ppf(np.clip((q - none[place]) / some, 0.0, 1.0), shape, scale=scale), dtype=np.float64
        )
        for q in _tails(rules.coverage)
    )
    return low, high


def _discounted(fitted: Fit, histories: Histories, rules: Rules) -> Floats:
    """Orders of the longest horizon, each worth less the later it comes."""
    ends = np.linspace(0.0, max(rules.horizons), PARTS + 1)
    until = [np.zeros_like(histories.age), *(expected_purchases(fitted, histories, end) for end in ends[1:])]
    middles = (ends[1:] + ends[:-1]) / 2
    worth = (1 + rules.discount) ** (-middles / YEAR)
    return np.asarray(worth @ np.diff(np.array(until), axis=0), dtype=np.float64)


def _tails(coverage: float) -> tuple[float, float]:
    return (1 - coverage) / 2, (1 + coverage) / 2


def _by_segment(customers: Customers, rules: Rules) -> Forecast:
    """Orders at the rate of the segment and at its mean value, or at those of all where it is small."""
    count = len(customers.age)
    unknown = np.full(count, np.nan)
    nothing = np.full((len(rules.horizons), count), np.nan)
    if count < MIN_SEGMENT or not (customers.repeats.any() and customers.age.any()):
        method = np.full(count, NOT_ENOUGH)
        return Forecast(method, unknown, nothing, nothing, nothing, unknown, unknown, unknown, unknown)
    names, place, sizes = np.unique(customers.segment, return_inverse=True, return_counts=True)
    spent = customers.repeats * customers.mean_value
    repeats, days, money = (
        np.bincount(place, weights, len(names)) for weights in (customers.repeats, customers.age, spent)
    )
    small = (sizes < MIN_SEGMENT) | (days == 0) | (repeats == 0)
    rate = np.where(small, customers.repeats.sum() / customers.age.sum(), repeats / np.maximum(days, 1e-300))[
        place
    ]
    mean = np.where(small, spent.sum() / customers.repeats.sum(), money / np.maximum(repeats, 1e-300))[place]
    orders = np.array([rate * horizon for horizon in rules.horizons])
    middle = (1 + rules.discount) ** (-max(rules.horizons) / 2 / YEAR)
    return Forecast(
        method=np.where(small, "mean of all", "mean of the segment")[place],
        no_order=np.exp(-rate * rules.churn_days),
        orders=orders,
        orders_low=nothing,
        orders_high=nothing,
        value=orders[-1] * mean * middle,
        value_low=unknown,
        value_high=unknown,
        days_to_next=unknown,
    )
