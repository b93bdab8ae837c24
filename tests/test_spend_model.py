"""Spending equals the paper's, and what is expected lies between a customer's own mean and that of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdnow_customers import CALIBRATED, customers_at
from setia.prediction.spend_model import SpendFit, expected_spend, fit_spend


def test_parameters_are_the_papers():
    """Fader and Hardie (2013): 946 repeat buyers of the CDNOW sample; the log-likelihood is CLVTools'."""
    customers = customers_at(CALIBRATED)
    fitted = fit_spend(customers.repeats, customers.mean_value)
    assert (fitted.customers, fitted.converged) == (946, True)
    assert fitted.parameters == pytest.approx((6.25, 3.74, 15.44), rel=0.005)
    assert fitted.log_likelihood == pytest.approx(-4055.918, abs=0.01)


@given(st.floats(0.01, 1e6), st.integers(0, 1000), st.floats(0.01, 1e9))
def test_expected_spend_lies_between_ones_own_and_that_of_all(scale, purchases, spend):
    fitted = SpendFit((6.25, 3.74, 15.44 * scale), 0.0, 946, True)
    of_all = 6.25 * 15.44 * scale / (3.74 - 1)
    expected = expected_spend(fitted, np.array([purchases]), np.array([spend]))[0]
    own = spend if purchases else of_all
    assert min(own, of_all) * (1 - 1e-9) <= expected <= max(own, of_all) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("purchases", "spend"),
    [([], []), ([0, 0], [0, 0]), ([3], [10]), ([3, 2, 5], [10, 10, 10]), ([2, 2], [-5, 0])],
    ids=["nobody", "nobody bought again", "one customer", "all alike", "nothing paid"],
)
def test_what_tells_nothing_does_not_converge(purchases, spend):
    assert not fit_spend(np.array(purchases, dtype=float), np.array(spend, dtype=float)).converged
