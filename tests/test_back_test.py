"""How good chances were: beside counting by hand, and what must hold for any chances."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setia.prediction.back_test import Quality, quality, tenths

SOME = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0]), st.booleans()), max_size=60)


def arrays(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([chance for chance, _ in pairs], dtype=float), np.array(
        [what for _, what in pairs], dtype=bool
    )


@given(SOME)
def test_the_area_is_the_share_of_pairs_in_the_right_order(pairs):
    found = quality(*arrays(pairs)).auc
    those, others = ([chance for chance, what in pairs if what is is_one] for is_one in (True, False))
    if not those or not others:
        assert found is None
        return
    right = sum((one > other) + (one == other) / 2 for one in those for other in others)
    assert found == pytest.approx(right / (len(those) * len(others)))


@given(SOME, st.randoms(use_true_random=False))
def test_the_order_of_people_changes_nothing(pairs, dice):
    shuffled = list(pairs)
    dice.shuffle(shuffled)
    one, other = asdict(quality(*arrays(pairs))), asdict(quality(*arrays(shuffled)))
    assert one == pytest.approx(other)
    assert len(tenths(*arrays(pairs))) == len(tenths(*arrays(shuffled)))


@given(SOME)
def test_everybody_is_in_one_tenth_and_equal_chances_in_the_same(pairs):
    found = tenths(*arrays(pairs))
    assert sum(tenth.people for tenth in found) == len(pairs)
    assert sum(tenth.happened for tenth in found) == sum(what for _, what in pairs)
    least = [tenth.least for tenth in found]
    assert least == sorted(set(least))
    for tenth, after in zip(found, [*least, 2.0][1:], strict=True):
        chances = [chance for chance, _ in pairs if tenth.least <= chance < after]
        assert len(chances) == tenth.people
        assert tenth.chance == pytest.approx(np.mean(chances))


@given(SOME)
def test_only_the_order_of_chances_counts_for_discrimination(pairs):
    chances, happened = arrays(pairs)
    one, other = quality(chances, happened), quality(chances**3, happened)
    for name in ("auc", "average_precision", "lift"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))


def test_figures_as_counted_by_hand():
    """Ten people: 0.9 happened, 0.8 did not, two of 0.6 of whom one did, six of 0.1 of whom none did."""
    chances = np.array([0.9, 0.8, 0.6, 0.6, *[0.1] * 6])
    happened = np.array([True, False, True, False, *[False] * 6])
    found = quality(chances, happened)
    assert found.share == 0.2
    assert found.auc == pytest.approx((8 + 6.5) / 16)
    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    assert found.lift == pytest.approx(1 / 0.2)
    assert found.log_loss == pytest.approx(
        -(np.log(0.9) + np.log(0.2) + np.log(0.6) + np.log(0.4) + 6 * np.log(0.9)) / 10
    )
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.16 + 0.36 + 0.06) / 10)


def test_a_tie_at_the_tenth_counts_by_its_share():
    assert quality(np.full(20, 0.3), np.arange(20) < 5).lift == pytest.approx(1)


def test_chances_that_are_right_have_no_calibration_error_and_such_that_are_off_by_a_fifth_one_of_a_fifth():
    dice = np.random.default_rng(7)
    chances = dice.uniform(0, 0.8, 200_000)
    happened = dice.random(200_000) < chances
    assert quality(chances, happened).calibration_error < 0.005
    assert quality(chances + 0.2, happened).calibration_error == pytest.approx(0.2, abs=0.005)


def test_where_it_happened_to_all_to_nobody_or_there_is_nobody_there_is_nothing_to_tell_apart():
    assert quality(np.array([]), np.array([], dtype=bool)) == Quality(0, *[None] * 7)
    for happened in (True, False):
        found = quality(np.array([0.0, 1.0]), np.array([happened] * 2))
        assert (found.auc, found.average_precision, found.lift) == (None, None, None)
        assert found.log_loss is not None
        assert np.isfinite(found.log_loss)
