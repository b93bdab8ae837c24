"""Retention curves equal published ones: a textbook's Kaplan-Meier, and Fader and Hardie's projections."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setia.prediction.retention import (
    RetentionFit,
    fit_retention,
    kaplan_meier,
    project,
    residual_lifetime,
)

# Freireich et al. (1963), weeks in remission under 6-MP, as in Kleinbaum and Klein, Survival Analysis, chapter 2.
ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
LASTED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]

# Fader and Hardie (2007), table 1: percent of a cohort that is there after so many renewals.
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1]
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1]


def of_survivors(percent: list[float]) -> RetentionFit:
    there = np.array(percent) * 10
    stayed = np.zeros(len(there) - 1)
    stayed[-1] = there[-1]
    return fit_retention(-np.diff(there), stayed)


def test_kaplan_meier_is_the_textbooks():
    durations = np.array(ENDED + LASTED)
    curve = kaplan_meier(durations, np.array([True] * len(ENDED) + [False] * len(LASTED)))
    assert curve.durations.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.survival == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert np.all((curve.lower < curve.survival) & (curve.survival < curve.upper))
    # The band on the log-log scale, by hand: S ** exp(+-1.96 * se / (S * log S)) with Greenwood's se .0764 at week 6.
    width = 1.96 * 0.0764 / (0.857 * np.log(0.857))
    assert curve.lower[0] == pytest.approx(0.857 ** np.exp(-width), abs=2e-3)
    assert curve.upper[0] == pytest.approx(0.857 ** np.exp(width), abs=2e-3)


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60))
def test_without_anybody_lost_from_sight_survival_is_the_share_that_stays(told):
    durations, left = np.array([each[0] for each in told]), np.array([each[1] for each in told], dtype=bool)
    curve = kaplan_meier(durations, left)
    assert np.all(np.diff(curve.survival) <= 0)
    assert np.all((curve.lower <= curve.survival) & (curve.survival <= curve.upper))
    everybody = kaplan_meier(durations, np.ones(len(told), dtype=bool))
    shares = [np.mean(durations > duration) for duration in everybody.durations]
    assert everybody.survival == pytest.approx(shares, abs=1e-12)


@pytest.mark.parametrize(
    ("percent", "alpha", "beta", "year_12", "actual"),
    [(HIGH_END, 0.668, 3.806, 0.378, 0.394), (REGULAR, 0.704, 1.182, 0.170, 0.173)],
    ids=["High End", "Regular"],
)
def test_the_projection_is_the_papers(percent, alpha, beta, year_12, actual):
    fitted = of_survivors(percent)
    assert fitted.converged
    assert (fitted.alpha, fitted.beta) == pytest.approx((alpha, beta), rel=0.005)
    assert project(fitted, 12)[-1] == pytest.approx(year_12, abs=5e-4)
    assert project(fitted, 12)[-1] == pytest.approx(actual, rel=0.05)


@pytest.mark.parametrize(
    ("alpha", "beta", "values"),
    [(3.80, 15.20, [3.31, 3.45, 3.59, 3.72, 3.84]), (0.067, 0.267, [7.68, 9.46, 9.86, 10.06, 10.19])],
)
def test_residual_lifetimes_are_the_papers(alpha, beta, values):
    """Fader and Hardie (2010), table 3, a discount of 10 %; alpha and beta are printed with three digits."""
    fitted = RetentionFit(alpha, beta, 0.0, 7, True)
    assert residual_lifetime(fitted, np.arange(5), 0.1) == pytest.approx(values, abs=0.011)


def test_residual_lifetime_is_the_sum_of_the_payments_to_come():
    fitted = of_survivors(REGULAR)
    there = project(fitted, 3000)
    to_come = there[4:] / there[3] / 1.1 ** np.arange(len(there) - 4)
    assert residual_lifetime(fitted, np.array([3]), 0.1)[0] == pytest.approx(to_come.sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("left", "stayed"),
    [
        ([], []),
        ([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 9]),
        ([9, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]),
        ([5, 3], [0, 9]),
    ],
    ids=["nobody", "nobody left", "all left at once", "two renewals"],
)
def test_what_tells_nothing_is_no_projection(left, stayed):
    assert not fit_retention(np.array(left), np.array(stayed)).converged
