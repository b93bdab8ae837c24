"""What is foretold of real customers holds within the published bounds, intervals cover, and nothing crashes it."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnow_customers import CALIBRATED, came_after, customers_at, days_of_customers
from setia.prediction.back_test import quality
from setia.prediction.lifetime_value import NOT_ENOUGH, Customers, Models, Rules, forecast, learn

MASTER = "CDNOW_master.txt"
HALF_YEAR = 181


def of_tutorial(customers: Customers) -> np.ndarray:
    """The tutorial's next 12 months, for 39 weeks of them: all that was spent, times 2 to 0.8 by its total score."""
    spent = np.array([
        sum(dollars for day, dollars in days.items() if day <= CALIBRATED)
        for days in days_of_customers(MASTER).values()
    ])  # fmt: skip
    score = 5 - np.searchsorted([30, 60, 90, 180], customers.age - customers.recency, side="left")
    score += 1 + np.searchsorted([2, 3, 4, 5], customers.repeats + 1, side="right")
    score += 1 + np.searchsorted([100, 200, 300, 500], spent, side="right")
    return spent * np.select([score >= 12, score >= 9, score >= 6], [2.0, 1.5, 1.2], 0.8) * 39 / 52


def test_39_weeks_of_cdnow_are_foretold_within_the_gates():
    customers, (orders, money) = customers_at(CALIBRATED, MASTER), came_after(CALIBRATED, 273, MASTER)
    learnt = learn(customers)
    assert isinstance(learnt, Models), learnt
    told = forecast(customers, learnt, Rules(horizons=(273.0,), discount=0.0))
    assert told.orders[0].sum() == pytest.approx(orders.sum(), rel=0.15)
    error = np.abs(told.value - money).mean()
    assert error <= 33
    assert error < 0.6 * np.abs(of_tutorial(customers) - money).mean()
    assert np.mean((told.orders_low[0] <= orders) & (orders <= told.orders_high[0])) >= 0.9
    assert np.mean((told.value_low <= money) & (money <= told.value_high)) >= 0.9


def test_who_stays_away_for_half_a_year_is_told_apart_and_by_true_chances():
    last_day = date(1997, 12, 31)
    customers, (orders, _) = customers_at(last_day, MASTER), came_after(last_day, HALF_YEAR, MASTER)
    chances = forecast(customers, learn(customers), Rules(churn_days=HALF_YEAR)).no_order
    churned = orders == 0
    assert churned.mean() == pytest.approx(0.772, abs=1e-3)
    found = quality(chances, churned)
    assert found.auc >= 0.79
    assert found.calibration_error <= 0.03


def test_later_orders_are_worth_less():
    customers = customers_at(CALIBRATED)
    learnt = learn(customers)
    now, later = (forecast(customers, learnt, Rules(discount=discount)) for discount in (0.0, 0.1))
    assert np.all(later.value < now.value)
    assert np.all(later.value > now.value / 1.1)


def some(count: int, **others: float) -> Customers:
    """So many customers who ordered on three days; or as told."""
    values = {"repeats": 2.0, "recency": 100.0, "age": 190.0, "mean_value": 10.0} | others
    return Customers(*(np.full(count, value) for value in values.values()), np.full(count, "all"))


@pytest.mark.parametrize(
    ("customers", "reason", "method"),
    [
        (some(0), "0 customers have ordered; a model needs 500", None),
        (some(20), "20 customers have ordered; a model needs 500", NOT_ENOUGH),
        (some(499), "499 customers have ordered; a model needs 500", "mean of the segment"),
        (
            some(600, recency=100, age=110),
            "the first order was 110 days ago; a model needs 180",
            "mean of the segment",
        ),
        (some(600), "the last order was 90 days ago; a model needs one within 30", "mean of the segment"),
        (some(600, repeats=1, recency=180), "nobody has ordered on 3 days", "mean of the segment"),
        (
            some(600, repeats=0, recency=0, age=10),
            "the first order was 10 days ago; a model needs 180",
            NOT_ENOUGH,
        ),
        (some(600, recency=180), "these orders do not tell the parameters of", "mean of the segment"),
    ],
    ids=[
        "nobody",
        "few",
        "under the gate",
        "new",
        "all silent",
        "no third order",
        "all bought once",
        "all alike",
    ],
)
def test_without_enough_to_learn_from_the_segment_stands_in_and_the_reason_is_told(customers, reason, method):
    learnt = learn(customers)
    assert isinstance(learnt, str)
    assert learnt.startswith(reason)
    told = forecast(customers, learnt)
    assert set(told.method) == ({method} if method else set())
    assert np.all(np.isnan(told.value)) == (method in (None, NOT_ENOUGH))


def test_a_segment_s_mean_is_its_own_and_a_small_one_has_that_of_all():
    often, seldom, few = some(100, repeats=10), some(100, repeats=1), some(5, repeats=50)
    parts = [
        np.concatenate(values)
        for values in zip(*(vars(each).values() for each in (often, seldom, few)), strict=True)
    ]
    customers = Customers(*parts[:4], np.repeat(["often", "seldom", "few"], [100, 100, 5]))
    told = forecast(customers, "too few")
    assert told.orders[2][[0, 100]] == pytest.approx([10 / 190 * 365, 1 / 190 * 365])
    assert told.method[[0, -1]].tolist() == ["mean of the segment", "mean of all"]
    assert told.orders[2][-1] == pytest.approx((1000 + 100 + 250) / (205 * 190) * 365)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.floats(0, 1), st.integers(1, 900), st.floats(0, 1e9)), max_size=40
    )
)
def test_any_customers_have_a_possible_forecast(told):
    told = told * 15  # beyond the gate of 500
    repeats = np.array([each[0] for each in told], dtype=float)
    age = np.array([each[2] for each in told], dtype=float)
    recency = np.where(repeats > 0, np.ceil(np.maximum(age * [each[1] for each in told], 1)), 0.0)
    money = np.where(repeats > 0, [each[3] for each in told], 0.0)
    customers = Customers(repeats, recency, age, money, np.full(len(told), "all"))
    found = forecast(customers, learn(customers))
    known = found.method != NOT_ENOUGH
    assert np.all((found.no_order[known] >= 0) & (found.no_order[known] <= 1))
    assert np.all(np.isfinite(found.orders[:, known]) & (found.orders[:, known] >= 0))
    assert np.all(np.diff(found.orders[:, known], axis=0) >= -1e-9)
    assert np.all(np.isfinite(found.value[known]) & (found.value[known] >= 0))
    assert np.all(np.isnan(found.value_low) | (found.value_low <= found.value_high))
