"""Lists of items: EASE beside a ridge regression, MovieLens, and what must hold for any choices."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from setia.prediction import recommend
from setia.prediction.recommend import NOBODY, aligned, best, choices, choose, ease, evaluate, popularity

PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=60)


def lists_of(matrix: csr_matrix, weights: np.ndarray, count: int) -> np.ndarray:
    return np.vstack([lists for _, lists, _ in best(matrix, weights, count)])


def test_each_column_of_ease_is_the_ridge_regression_of_its_item_on_the_others():
    dice = np.random.default_rng(7)
    chosen = (dice.random((200, 12)) < 0.3).astype(np.float64)
    weights = ease(csr_matrix(chosen.astype(np.float32)), 20.0)
    assert np.all(np.diag(weights) == 0)
    for item in range(12):
        others = np.delete(chosen, item, axis=1)
        ridge = np.linalg.solve(others.T @ others + 20 * np.eye(11), others.T @ chosen[:, item])
        assert np.allclose(np.delete(weights[:, item], item), ridge, atol=1e-5)


def movielens() -> tuple[np.ndarray, np.ndarray]:
    """Users and titles of MovieLens 100k, which the package recbole carries; it is not imported."""
    package = importlib.util.find_spec("recbole")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "dataset_example" / "ml-100k" / "ml-100k.inter"
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    assert len(rows) == 100_000
    users, titles = (np.array([int(row[place]) for row in rows]) for place in (0, 1))
    return users, titles


def a_fifth_of_each(users: np.ndarray, seed: int) -> np.ndarray:
    """Which rows are held out: a random fifth of each user's."""
    order = np.random.default_rng(seed).permutation(len(users))
    by_user = order[np.argsort(users[order], kind="stable")]
    _, counts = np.unique(users, return_counts=True)
    places = np.concatenate([np.arange(count) / count for count in counts])
    is_held = np.zeros(len(users), dtype=bool)
    is_held[by_user[places < 0.2]] = True
    return is_held


def halves(seed: int) -> tuple[csr_matrix, csr_matrix]:
    """MovieLens, four fifths as known and one as chosen later."""
    users, titles = movielens()
    is_held = a_fifth_of_each(users, seed)
    known = choices(users[~is_held], titles[~is_held])
    return known.matrix, aligned(known, users[is_held], titles[is_held])


def test_on_movielens_ease_is_at_least_twice_as_good_as_popularity():
    """On random fifths: the mean of five, which differ by 0.02."""
    splits = [halves(seed) for seed in range(5)]
    ours, theirs = (
        [evaluate(known, weights(known), held) for known, held in splits]
        for weights in (lambda known: ease(known, 300), popularity)
    )
    assert all(found.people == 943 for found in ours + theirs)
    assert np.mean([found.ndcg for found in ours]) >= 0.44
    assert np.mean([found.ndcg for found in ours]) >= 2 * np.mean([found.ndcg for found in theirs])
    assert min(found.coverage for found in ours) > 3 * max(found.coverage for found in theirs)


def test_the_penalty_is_chosen_by_what_came_after_and_popularity_is_the_floor():
    method = choose(*halves(8))
    assert method.penalty in recommend.PENALTIES
    assert method.name == f"ease {method.penalty:g}"
    assert method.evaluations[method.name].ndcg == max(found.ndcg for found in method.evaluations.values())
    dice = np.random.default_rng(7)  # nothing tells these people apart: popularity is all there is to know
    shares = np.linspace(0.5, 0.02, 60)
    before, after = (csr_matrix((dice.random((400, 60)) < shares).astype(np.float32)) for _ in range(2))
    assert choose(before, after).name == "popularity"


@given(PAIRS, st.integers(1, 12))
def test_nobody_is_told_of_what_they_chose_and_lists_are_as_long_as_can_be(pairs, count):
    people, items = np.array(pairs).T
    found = choices(people, items)
    for weights in (popularity(found.matrix), ease(found.matrix, 10.0)):
        lists = lists_of(found.matrix, weights, count)
        assert lists.shape == (len(found.people), count)
        for person, row in zip(found.people, lists, strict=True):
            told = [int(found.items[column]) for column in row if column != NOBODY]
            chosen = {item for who, item in pairs if who == person}
            assert len(told) == len(set(told)) == min(count, len(found.items) - len(chosen))
            assert not chosen & set(told)


@given(PAIRS)
def test_by_popularity_every_list_goes_from_the_most_to_the_least_chosen(pairs):
    people, items = np.array(pairs).T
    found = choices(people, items)
    chosen_by = [len({who for who, what in pairs if what == item}) for item in found.items]
    assert chosen_by == sorted(chosen_by, reverse=True)
    for row in lists_of(found.matrix, popularity(found.matrix), 5):
        assert list(row[row != NOBODY]) == sorted(row[row != NOBODY])


@given(PAIRS)
def test_aligned_pairs_are_the_choices_themselves(pairs):
    people, items = np.array(pairs).T
    found = choices(people, items)
    assert (aligned(found, people, items) != found.matrix).nnz == 0
    strangers = aligned(found, people + 100, items)
    assert strangers.nnz == 0


def test_items_that_few_chose_are_left_out_but_nobody_is(monkeypatch):
    monkeypatch.setattr(recommend, "BATCH", 2)  # more than one batch
    found = choices(np.array([1, 1, 2, 3, 4]), np.array([7, 8, 7, 9, 7]), least_people=2)
    assert list(found.items) == [7]
    assert list(found.people) == [1, 2, 3, 4]
    assert lists_of(found.matrix, popularity(found.matrix), 2).tolist() == [
        [NOBODY] * 2,
        [NOBODY] * 2,
        [0, NOBODY],
        [NOBODY] * 2,
    ]
    assert list(choices(np.array([1, 2, 2]), np.array([7, 8, 9]), most_items=2).items) == [7, 8]


def test_of_somebody_who_chose_nothing_known_the_list_is_the_most_popular():
    found = choices(np.array([1, 2, 3, 3, 4]), np.array([7, 7, 7, 8, 9]), least_people=1)
    known = aligned(found, np.array([1, 2, 3, 3]), np.array([7, 7, 7, 8]))  # 4 chose nothing yet
    assert lists_of(known, ease(known, 10.0), 3)[3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("chosen", [[[0, 0]], [[1, 0]]])
def test_where_nothing_new_was_chosen_it_is_popularity(chosen):
    known, after = (
        csr_matrix(np.array([[1, 0]], dtype=np.float32)),
        csr_matrix(np.array(chosen, dtype=np.float32)),
    )
    method = choose(known, after)
    assert method.name == "popularity"
    assert method.evaluations["popularity"].people == 0
