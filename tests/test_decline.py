"""What is still to come of things that age: a known decline is found, intervals cover, totals are kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setia.prediction.decline import AGES, foretell, lately, learn


def things(count: int, months: int, seed: int = 1, pace: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Things that begin one after another, and lose a part each month, a little more or less."""
    dice = np.random.default_rng(seed)
    first = dice.integers(0, months, count)
    ages = np.arange(months)[None, :] - first[:, None]
    size = dice.gamma(2.0, 500.0, count)[:, None]
    values = size * pace ** np.maximum(ages, 0) * dice.gamma(20.0, 1 / 20, (count, months))
    return np.where(ages >= 0, values, np.nan), np.maximum(ages, 0).astype(float)


def test_a_known_decline_is_found_and_its_intervals_cover():
    values, ages = things(3000, 24)
    learned = learn(values[:, :21], ages[:, :21], 3)
    told = foretell(learned, lately(values, 20), ages[:, 20])
    came, known = np.nansum(values[:, 21:], axis=1), ~np.isnan(told.expected)
    assert known.sum() > 2000
    assert np.mean((told.low <= came)[known] & (came <= told.high)[known]) == pytest.approx(0.9, abs=0.04)
    assert np.abs(told.expected - came)[known].mean() < np.abs(3 * lately(values, 20) - came)[known].mean()


def test_what_all_gain_is_no_things_merit():
    values, ages = things(2000, 24, pace=1.0)
    growing = values * 1.1 ** np.arange(24)
    assert learn(growing, ages, 3).mean == pytest.approx(learn(values, ages, 3).mean, rel=0.05)


@pytest.mark.parametrize(
    "values",
    [np.empty((0, 0)), np.empty((0, 12)), np.ones((3, 2)), np.zeros((200, 12)), np.full((200, 12), np.nan)],
    ids=["nothing", "no things", "few", "nobody", "not there yet"],
)
def test_where_too_little_came_nothing_is_foretold(values):
    learned = learn(values, np.zeros_like(values), 3)
    assert np.isnan(learned.mean).all()
    assert np.isnan(foretell(learned, np.array([5.0]), np.array([0.0])).expected).all()


@given(st.integers(5, 30), st.integers(60, 200), st.integers(0, 5))
def test_bounds_hold_what_is_expected_whatever_came(months, count, seed):
    values, ages = things(count, months, seed)
    learned = learn(values, ages, 3)
    told = foretell(learned, lately(values, months - 1), ages[:, -1])
    known = ~np.isnan(told.expected)
    assert (told.low <= told.expected)[known].all()
    assert (told.expected <= told.high)[known].all()
    assert (told.low[known] >= 0).all()
    assert len(learned.mean) == len(AGES) + 1
