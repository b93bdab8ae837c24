"""Parameters and forecasts equal the published ones for CDNOW, and are found again in histories drawn from them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdnow_customers import CALIBRATED, came_after, customers_at
from setia.prediction.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    Fit,
    Histories,
    expected_purchases,
    fit,
    group,
    probability_alive,
    probability_of_none,
    time_to_next,
)

MODELS = [BG_NBD, MBG_NBD, PARETO_NBD]
NAMES = [model.name for model in MODELS]
KNOWN = {
    "BG/NBD": (0.243, 4.414, 0.793, 2.426),
    "MBG/NBD": (0.525, 6.183, 0.891, 1.614),
    "Pareto/NBD": (0.553, 10.578, 0.606, 11.669),
}
LIKELIHOODS = {"BG/NBD": -9582.4, "MBG/NBD": -9582.1, "Pareto/NBD": -9595.0}


def by_weeks() -> Histories:
    """The sample of 2,357 customers at the end of week 39."""
    customers = customers_at(CALIBRATED)
    return group(customers.repeats, customers.recency / 7, customers.age / 7)


def known(model: str) -> Fit:
    found = next(each for each in MODELS if each.name == model)
    return Fit(found, KNOWN[model], (0.0,) * 4, 0.0, 0, True)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_parameters_are_the_papers(model):
    """Fader, Hardie and Lee (2005), table 2; those of the MBG/NBD are lifetimes', as the paper had other data."""
    fitted = fit(model, by_weeks())
    assert (fitted.customers, fitted.converged) == (2357, True)
    assert fitted.parameters == pytest.approx(KNOWN[model.name], rel=0.005)
    assert fitted.log_likelihood == pytest.approx(LIKELIHOODS[model.name], abs=0.1)
    assert all(
        0 < error < value for error, value in zip(fitted.standard_errors, fitted.parameters, strict=True)
    )


@pytest.mark.parametrize(("model", "correlation"), [("BG/NBD", 0.626), ("Pareto/NBD", 0.630)])
def test_forecasts_are_the_papers(model, correlation):
    """Fader, Hardie and Lee (2005), tables 3 and 4: 39 weeks foretold, and what came."""
    histories = by_weeks()
    fitted = fit(known(model).model, histories)
    foretold = expected_purchases(fitted, histories, 39.0)[histories.group]
    came, _ = came_after(CALIBRATED, 273)
    assert came.sum() == 1882
    assert np.corrcoef(foretold, came)[0, 1] == pytest.approx(correlation, abs=1e-3)
    of_none = foretold[customers_at(CALIBRATED).repeats == 0].mean()
    assert of_none == pytest.approx({"BG/NBD": 0.23, "Pareto/NBD": 0.14}[model], abs=0.006)


def drawn(count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Histories of the BG/NBD's own story with its CDNOW parameters: repeats, recency, age, purchases of 39 weeks."""
    r, alpha, a, b = KNOWN["BG/NBD"]
    dice = np.random.default_rng(seed)
    age = dice.integers(26, 104, count).astype(float)
    rate, stops_after = (
        dice.gamma(r, 1 / alpha, count),
        dice.geometric(np.clip(dice.beta(a, b, count), 1e-12, 1)),
    )
    wanted = dice.poisson(rate * age)
    repeats = np.minimum(wanted, stops_after)
    recency = np.where(repeats > 0, age * dice.beta(np.maximum(repeats, 1), wanted - repeats + 1), 0.0)
    later = np.minimum(dice.poisson(rate * 39), np.maximum(stops_after - wanted, 0))
    return repeats.astype(float), recency, age, later


def test_what_is_drawn_from_the_model_is_found_again():
    repeats, recency, age, later = drawn(40_000, 11)
    histories = group(repeats, recency, age)
    fitted = fit(BG_NBD, histories)
    near = zip(fitted.parameters, fitted.standard_errors, KNOWN["BG/NBD"], strict=True)
    assert all(abs(value - truth) < 4 * error for value, error, truth in near)
    assert expected_purchases(fitted, histories, 39.0)[histories.group].sum() == pytest.approx(
        later.sum(), rel=0.03
    )
    none = probability_of_none(fitted, histories, 39.0)[histories.group]
    edges = np.quantile(none, np.linspace(0, 1, 11))
    for low, high in pairwise(edges):
        inside = (none >= low) & (none <= high)
        assert none[inside].mean() == pytest.approx((later[inside] == 0).mean(), abs=0.03)


@pytest.mark.parametrize("model", NAMES)
@given(st.integers(0, 3000), st.floats(0, 1), st.floats(1e-3, 5000), st.floats(1e-3, 5000))
def test_forecasts_are_possible_for_any_customer(model, repeats, part, age, time):
    recency = max(part * age, 1e-9) if repeats else 0.0
    fitted, histories = known(model), group(np.array([repeats]), np.array([recency]), np.array([age]))
    alive, none = probability_alive(fitted, histories)[0], probability_of_none(fitted, histories, time)[0]
    assert 0 <= alive <= 1
    assert 1 - alive - 1e-12 <= none <= 1
    few, many = (expected_purchases(fitted, histories, each)[0] for each in (time, 2 * time))
    assert 0 <= few <= many * (1 + 1e-9) + 1e-9
    half = time_to_next(fitted, histories)[0]
    assert np.isnan(half) == (alive <= 0.5)
    if half < 1e6:
        assert probability_of_none(fitted, histories, half)[0] == pytest.approx(0.5, abs=1e-6)


def test_a_one_time_buyer_is_surely_alive_to_bg_nbd_and_not_a_likely_buyer():
    histories = group(np.array([0.0]), np.array([0.0]), np.array([500.0]))
    assert probability_alive(known("BG/NBD"), histories)[0] == 1
    assert probability_of_none(known("BG/NBD"), histories, 26.0)[0] > 0.95


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
@pytest.mark.parametrize(
    "told",
    [([], [], []), ([0] * 50, [0] * 50, [30] * 50), ([1] * 50, [30] * 50, [30] * 50), ([2], [10], [20])],
    ids=["nobody", "all bought once", "all alike", "one customer"],
)
def test_what_tells_nothing_does_not_converge_and_never_raises(model, told):
    assert not fit(model, group(*(np.array(values, dtype=float) for values in told))).converged


def test_an_impossible_history_is_named():
    with pytest.raises(ValueError, match="12"):
        group(np.array([1.0, 2.0]), np.array([3.0, 12.0]), np.array([5.0, 10.0]))
