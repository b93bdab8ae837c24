"""What a campaign added: published intervals, coverage of known effects, lots that hang on nothing, budgets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setia.prediction.uplift import allocate, held_out, of_means, of_shares, smallest_told

NEWCOMBE = [  # Statistics in Medicine 17 (1998), table II, method 10
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
]


GOLDEN = [16, 23, 27, 29, 32, 33, 35, 37, 40, 44, 57]
"""Who of 60 the campaign "winter" leaves out, in every release."""


def groups(treated: tuple[int, int], control: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    happened = np.concatenate([np.arange(size) < count for count, size in (treated, control)])
    return happened, np.arange(len(happened)) >= treated[1]


@pytest.mark.parametrize(("treated", "control", "bounds"), NEWCOMBE)
def test_intervals_of_shares_are_those_of_newcombe(treated, control, bounds):
    found = of_shares(*groups(treated, control))
    assert (found.low, found.high) == pytest.approx(bounds, abs=6e-5)
    assert found.uplift == pytest.approx(treated[0] / treated[1] - control[0] / control[1])


def test_an_interval_of_means_is_that_of_welch():
    # Two samples of the standard example of R's t.test on `sleep`: extra sleep under two drugs.
    one = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    other = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    found = of_means(np.concatenate([one, other]), np.arange(20) >= 10)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=1e-6)


@pytest.mark.parametrize(
    ("people", "usual", "effect"), [(800, 0.03, 0.02), (5000, 0.2, 0.05), (5000, 0.5, 0.0)]
)
def test_intervals_cover_the_true_effect_of_at_least_nine_of_ten_campaigns(people, usual, effect):
    covered = {"share": 0, "money": 0}
    for campaign in range(300):
        dice = np.random.default_rng(campaign)
        is_control = held_out(f"campaign {campaign}", range(people), 0.2)
        buys = dice.random(people) < usual + effect * ~is_control
        spent = buys * dice.gamma(2.0, 50.0, people)
        share, money = of_shares(buys, is_control), of_means(spent, is_control)
        covered["share"] += share.low <= effect <= share.high
        covered["money"] += money.low <= effect * 100 <= money.high
    assert min(covered.values()) >= 0.92 * 300


def test_who_is_left_out_hangs_on_campaign_and_key_only():
    keys = list(range(20_000))
    lot = held_out("winter", keys, 0.1)
    assert lot.mean() == pytest.approx(0.1, abs=0.01)
    assert np.array_equal(held_out("winter", keys[::-1], 0.1)[::-1], lot)
    assert np.array_equal(held_out("winter", keys[:50], 0.1), lot[:50])
    assert np.array_equal(held_out("winter", [str(key) for key in keys], 0.1), lot)
    assert not (lot & ~held_out("winter", keys, 0.3)).any()
    other = held_out("spring", keys, 0.1)
    assert (lot & other).mean() == pytest.approx(0.01, abs=0.004)
    assert [key for key, left_out in zip(keys[:60], lot, strict=False) if left_out] == GOLDEN


def test_a_group_of_nobody_tells_nothing_and_all_alike_differ_by_nothing():
    assert np.isnan(of_shares(np.array([True, False]), np.array([False, False])).low)
    assert np.isnan(of_means(np.array([1.0]), np.array([True])).low)
    alike = of_means(np.full(10, 3.0), np.arange(10) < 5)
    assert (alike.low, alike.uplift, alike.high) == (0.0, 0.0, 0.0)
    assert of_shares(*groups((30, 60), (10, 40))).added == pytest.approx(
        (15.0, 60 * 0.0586, 60 * 0.4164), abs=0.3
    )


def test_the_smallest_effect_that_is_told_is_told_in_four_of_five_campaigns():
    people, share, usual = 4000, 0.25, 0.1
    effect, told = smallest_told(people, share, usual), 0
    for campaign in range(400):
        dice = np.random.default_rng(campaign)
        is_control = dice.random(people) < share
        told += of_shares(dice.random(people) < usual + effect * ~is_control, is_control).low > 0
    assert told / 400 == pytest.approx(0.8, abs=0.07)
    assert smallest_told(0, 0.1, 0.1) == smallest_told(10, 0.0, 0.1) == float("inf")


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), max_size=30),
    st.floats(0, 200),
)
def test_a_budget_is_never_exceeded_nor_spent_on_whom_it_does_not_pay(people, budget):
    gains, costs = (np.array([each[place] for each in people]) for place in (0, 1))
    chosen = allocate(gains, costs, budget)
    assert costs[chosen].sum() <= budget + 1e-9
    assert (gains[chosen] > costs[chosen]).all()


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 12))
def test_with_one_cost_no_other_choice_brings_more(gains, messages):
    values = np.array(gains, dtype=float)
    chosen = allocate(values, np.full(len(values), 10.0), 10.0 * messages)
    best = np.sort(values[values > 10])[::-1][:messages]
    assert values[chosen].sum() == best.sum()
