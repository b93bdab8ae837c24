"""How often customers without a contract buy, and when they stop: BG/NBD, MBG/NBD and Pareto/NBD.

A customer is a triple in any one unit of time: `repeats`, the purchases after the first; `recency`, from the first to
the last purchase; `age`, from the first purchase to now. Purchases come at a rate that differs between customers
(gamma with shape r and rate alpha), and end by a chance that differs, too: after each purchase (BG/NBD), after the
first one as well (MBG/NBD; beta with a and b), or at any time (Pareto/NBD; gamma with s and beta).

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2005); Batislam, Denizel and
Filiztekin, Int. J. of Research in Marketing 24 (2007); Schmittlein, Morrison and Colombo, Management Science 33 (1987).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, hyp2f1

Floats = NDArray[np.float64]
BOUND = 8.0
"""Of the logarithm of each parameter, time being scaled to ten units of the oldest customer."""
LOOSE = 2.0
"""Standard errors of a parameter, in its own size, from which on the data do not tell it."""


@dataclass(frozen=True)
class Histories:
    """Different triples, and how many customers have each; `group` is the place of each customer's triple."""

    repeats: Floats
    recency: Floats
    age: Floats
    customers: Floats
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """A model's parameters with standard errors (NaN where the likelihood is flat or at a bound).

    `log_likelihood` is over all customers. `converged` says whether the optimum is one, inside the bounds.
    """

    model: "Model"
    parameters: tuple[float, ...]
    standard_errors: tuple[float, ...]
    log_likelihood: float
    customers: int
    converged: bool


@dataclass(frozen=True)
class Model:
    """One way to stop buying: the log-likelihood of triples, and what it foretells."""

    name: str
    parameters: tuple[str, ...]
    scaled: tuple[int, ...]
    """The parameters that are times."""
    log_likelihood: Callable[[Floats, Histories], tuple[Floats, Floats | None]]
    """Of each triple, and its gradient by the logarithms of the parameters (parameter x triple), where it is known."""
    alive: Callable[[Floats, Histories], Floats]
    expected: Callable[[Floats, Histories, float], Floats]
    """Purchases that a customer who is alive makes in so much time to come."""


def group(repeats: Floats, recency: Floats, age: Floats) -> Histories:
    """The different triples of customers. ValueError names what no customer can have."""
    repeats, recency, age = (np.asarray(values, dtype=np.float64) for values in (repeats, recency, age))
    wrong = ~((repeats >= 0) & (recency >= 0) & (recency <= age) & ((repeats > 0) == (recency > 0)))
    if wrong.any():
        place = int(np.argmax(wrong))
        triple = repeats[place], recency[place], age[place]
        raise ValueError(
            f"No customer has repeats, recency, age {triple}: 0 <= recency <= age, above 0 with repeats."
        )
    places = [np.unique(values, return_inverse=True) for values in (repeats, recency, age)]
    key = (places[0][1] * len(places[1][0]) + places[1][1]) * len(places[2][0]) + places[2][1]
    _, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return Histories(repeats[first], recency[first], age[first], counts.astype(np.float64), inverse)


def fit(model: Model, histories: Histories) -> Fit:
    """The most likely parameters. Never raises for data that tell nothing: `converged` is False then."""
    size = len(model.parameters)
    if not histories.repeats.any():
        unknown = (np.nan,) * size
        return Fit(model, unknown, unknown, np.nan, int(histories.customers.sum()), False)
    unit = 10.0 / float(histories.age.max())
    scaled = Histories(
        histories.repeats,
        histories.recency * unit,
        histories.age * unit,
        histories.customers,
        histories.group,
    )
    customers = float(histories.customers.sum())

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        values, gradient = model.log_likelihood(np.exp(logarithms), scaled)
        if gradient is None:
            gradient = _differences(lambda at: model.log_likelihood(np.exp(at), scaled)[0], logarithms)
        return -float(histories.customers @ values) / customers, -(gradient @ histories.customers) / customers

    found = minimize(
        objective, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * size,
        options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500},
    )  # fmt: skip
    units = np.array([1 / unit if place in model.scaled else 1.0 for place in range(size)])
    parameters = np.exp(found.x) * units
    inside = bool(np.all(np.abs(found.x) < BOUND - 1e-3)) and np.isfinite(found.fun)
    errors = _standard_errors(objective, found.x, customers)
    converged = inside and bool(np.all(errors < LOOSE))
    # Time in other units is another density: each purchase is one.
    likelihood = -found.fun * customers + float(histories.customers @ histories.repeats) * np.log(unit)
    return Fit(
        model, tuple(parameters), tuple(errors * parameters), float(likelihood), int(customers), converged
    )


def _differences(values: Callable[[Floats], Floats], at: Floats, step: float = 1e-5) -> Floats:
    """The gradient of each value by central differences (parameter x value)."""
    steps = np.eye(len(at)) * step
    return np.array([(values(at + one) - values(at - one)) / (2 * step) for one in steps])


def _standard_errors(
    objective: Callable[[Floats], tuple[float, Floats]], at: Floats, customers: float
) -> Floats:
    """Of the logarithms, by the inverse of the observed information; NaN where that is none."""
    steps = np.eye(len(at)) * 1e-4
    hessian = np.array([(objective(at + one)[1] - objective(at - one)[1]) / 2e-4 for one in steps])
    information = customers * (hessian + hessian.T) / 2
    if not np.all(np.isfinite(information)) or np.linalg.eigvalsh(information).min() <= 0:
        return np.full(len(at), np.nan)
    errors: Floats = np.sqrt(np.diag(np.linalg.inv(information)))
    return errors


def probability_alive(fitted: Fit, histories: Histories) -> Floats:
    """The chance that a customer is still one, for each triple. No churn score: to BG/NBD one-time buyers all are."""
    return fitted.model.alive(np.array(fitted.parameters), histories)


def probability_of_none(fitted: Fit, histories: Histories, time: float) -> Floats:
    """The chance of no purchase in the next `time`, for each triple: that of the dead, and of the living who wait.

    The living buy at a rate of Gamma(r + repeats, alpha + age); for Pareto/NBD, who may die before they buy, this is
    a lower bound that is close while `time` is short beside a life.
    """
    r, alpha = fitted.parameters[:2]
    alive = probability_alive(fitted, histories)
    waiting = ((alpha + histories.age) / (alpha + histories.age + time)) ** (r + histories.repeats)
    none: Floats = 1 - alive * (1 - waiting)
    return none


def expected_purchases(fitted: Fit, histories: Histories, time: float) -> Floats:
    """Purchases to expect in the next `time`, for each triple."""
    parameters = np.array(fitted.parameters)
    return fitted.model.expected(parameters, histories, time) * fitted.model.alive(parameters, histories)


def time_to_next(fitted: Fit, histories: Histories) -> Floats:
    """The time after which the chance of another purchase is one half; NaN where it never gets there."""
    r, alpha = fitted.parameters[:2]
    alive = probability_alive(fitted, histories)
    with np.errstate(divide="ignore", invalid="ignore"):
        waits = (1 - 0.5 / alive) ** (-1 / (r + histories.repeats)) - 1
    return np.where(alive > 0.5, (alpha + histories.age) * waits, np.nan)


def _odds_of_dead(first: int, parameters: Floats, h: Histories) -> Floats:
    """The logarithm of P(dead) / P(alive). `first`: 1 where the first purchase may be the last (MBG/NBD), or 0."""
    r, alpha, a, b = parameters
    stops = h.repeats + first
    odds = np.log(a / np.where(stops > 0, b + stops - 1, 1.0))
    odds = odds + (r + h.repeats) * np.log((alpha + h.age) / (alpha + h.recency))
    return np.where(stops > 0, odds, -np.inf)


def _log_likelihood(first: int, parameters: Floats, h: Histories) -> tuple[Floats, Floats]:
    """Fader, Hardie and Lee (2005), equation 6; with one more chance to stop, Batislam et al. (2007)."""
    r, alpha, a, b = parameters
    rx, stops = r + h.repeats, h.repeats + first
    log_age, log_recency = np.log(alpha + h.age), np.log(alpha + h.recency)
    odds = _odds_of_dead(first, parameters, h)
    values = gammaln(rx) - gammaln(r) + r * np.log(alpha) - rx * log_age + np.logaddexp(0, odds)
    values += gammaln(a + b) + gammaln(b + stops) - gammaln(b) - gammaln(a + b + stops)
    dead = expit(odds)
    by_chance = digamma(a + b) - digamma(a + b + stops)
    gradient = np.array([
        digamma(rx) - digamma(r) + np.log(alpha) - log_age + dead * (log_age - log_recency),
        r / alpha - rx / (alpha + h.age) + dead * rx * (1 / (alpha + h.age) - 1 / (alpha + h.recency)),
        by_chance + dead / a,
        by_chance + digamma(b + stops) - digamma(b) - dead / np.where(stops > 0, b + stops - 1, 1.0),
    ])  # fmt: skip
    return values, gradient * parameters[:, None]


def _alive(first: int, parameters: Floats, h: Histories) -> Floats:
    chances: Floats = expit(-_odds_of_dead(first, parameters, h))
    return chances


def _expected(first: int, parameters: Floats, h: Histories, time: float) -> Floats:
    """Fader, Hardie and Lee (2005), equation 10, without its P(alive), and after Euler's transformation.

    That takes the power of repeats out of the series, which overflows where they are many.
    """
    r, alpha, a, b = parameters
    c = a + b + h.repeats + first - 1
    z = time / (alpha + h.age + time)
    purchases: Floats = c / (a - 1) * (1 - (1 - z) ** (a - 1) * hyp2f1(a - 1, c - r - h.repeats, c, z))
    return purchases


def _pareto_part(parameters: Floats, h: Histories, at: Floats) -> Floats:
    """The logarithm of one term of A0 in Fader and Hardie, "A Note on Deriving the Pareto/NBD Model" (2005)."""
    r, alpha, s, beta = parameters
    total = r + s + h.repeats
    larger, second = max(alpha, beta), s + 1 if alpha >= beta else r + h.repeats
    series = hyp2f1(total, second, total + 1, abs(alpha - beta) / (larger + at))
    part: Floats = np.log(series) - total * np.log(larger + at)
    return part


def _pareto_dead(parameters: Floats, h: Histories) -> Floats:
    """The logarithm of s / (r + s + x) times A0: who died between the last purchase and now."""
    r, _, s, _ = parameters
    here, there = _pareto_part(parameters, h, h.recency), _pareto_part(parameters, h, h.age)
    with np.errstate(divide="ignore"):
        dead: Floats = (
            np.log(s / (r + s + h.repeats)) + here + np.log1p(-np.exp(np.minimum(there - here, 0.0)))
        )
    return dead


def _pareto_log_likelihood(parameters: Floats, h: Histories) -> tuple[Floats, None]:
    r, alpha, s, beta = parameters
    living = -(r + h.repeats) * np.log(alpha + h.age) - s * np.log(beta + h.age)
    common = gammaln(r + h.repeats) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return common + np.logaddexp(living, _pareto_dead(parameters, h)), None


def _pareto_alive(parameters: Floats, h: Histories) -> Floats:
    r, alpha, s, beta = parameters
    living = -(r + h.repeats) * np.log(alpha + h.age) - s * np.log(beta + h.age)
    chances: Floats = expit(living - _pareto_dead(parameters, h))
    return chances


def _pareto_expected(parameters: Floats, h: Histories, time: float) -> Floats:
    """Schmittlein et al. (1987), equation 22, without its P(alive)."""
    r, alpha, s, beta = parameters
    lives = 1 - ((beta + h.age) / (beta + h.age + time)) ** (s - 1)
    purchases: Floats = (r + h.repeats) * (beta + h.age) / ((alpha + h.age) * (s - 1)) * lives
    return purchases


BG_NBD, MBG_NBD = (
    Model(
        name, ("r", "alpha", "a", "b"), (1,),
        partial(_log_likelihood, first), partial(_alive, first), partial(_expected, first),
    )
    for first, name in enumerate(("BG/NBD", "MBG/NBD"))
)  # fmt: skip
PARETO_NBD = Model(
    "Pareto/NBD", ("r", "alpha", "s", "beta"), (1, 3), _pareto_log_likelihood, _pareto_alive, _pareto_expected
)
