"""What to show to whom: items that go with those a person chose, and popularity where that is no worse.

EASE: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equations 5 and 8. The normalised
discounted cumulative gain is that of Järvelin and Kekäläinen, ACM TOIS 20 (2002), with log2(rank + 1) and gains of one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_matrix

Scores = NDArray[np.float32]
Lists = NDArray[np.int32]
Keys = NDArray[Any]
"""Whole numbers or texts."""
MOST_ITEMS = 10_000
"""EASE inverts a matrix of items: 34 s and 2.4 GB at 10,000 of them, 317 s and 8.4 GB at 20,000."""
PENALTIES = (100.0, 300.0, 1000.0, 3000.0)
"""On product types of Complete Journey 100 is worse than popularity, and 2,000 better: so it is chosen by what came."""
BATCH = 1024
NOBODY = -1


@dataclass(frozen=True)
class Choices:
    """Who chose what: `matrix` has a row per person and a column per item, and 1 where the person chose the item.

    `people` and `items` are their keys, items by how many chose them, the most popular first.
    """

    people: Keys
    items: Keys
    matrix: csr_matrix


def choices(
    people: Keys, items: Keys, also: Keys | None = None, least_people: int = 1, most_items: int = MOST_ITEMS
) -> Choices:
    """The choices of pairs, which may come more than once: of items that so many people chose, the most popular.

    Everybody stays, also who chose only items that are left out, or, in `also`, nothing. Of equally popular items the
    smaller key is first.
    """
    person_keys = np.unique(people if also is None else np.concatenate([people, also]))
    rows = np.searchsorted(person_keys, people)
    item_keys, columns = np.unique(items, return_inverse=True)
    shape = (len(person_keys), len(item_keys))
    matrix = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    matrix.data[:] = 1.0  # pairs that came more than once were added up
    chosen_by = np.bincount(matrix.indices, minlength=len(item_keys))
    kept = np.argsort(-chosen_by, kind="stable")[:most_items]
    kept = kept[chosen_by[kept] >= least_people]
    return Choices(person_keys, item_keys[kept], csr_matrix(matrix[:, kept]))


def aligned(known: Choices, people: Keys, items: Keys) -> csr_matrix:
    """Pairs as a matrix with the rows and columns of known choices; others are left out."""
    in_people, in_items = np.isin(people, known.people), np.isin(items, known.items)
    by_key = np.argsort(known.items)
    rows = np.searchsorted(known.people, people[in_people & in_items])
    columns = by_key[np.searchsorted(known.items[by_key], items[in_people & in_items])]
    found = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=known.matrix.shape)
    found.data[:] = 1.0
    return found


def popularity(matrix: csr_matrix) -> Scores:
    """The share of people who chose each item."""
    chosen_by = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return (chosen_by / max(matrix.shape[0], 1)).astype(np.float32)


def ease(matrix: csr_matrix, penalty: float) -> Scores:
    """EASE's weights, items by items: what having chosen the row's item says for the column's. The diagonal is 0.

    Each column is the ridge regression of its item on all others. Needs memory for one matrix of items, in 32 bits,
    and its copy; time grows with its third power. `penalty` is above 0.
    """
    gram = np.asfortranarray((matrix.T @ matrix).toarray(), dtype=np.float32)
    diagonal = np.diag_indices_from(gram)
    gram[diagonal] += penalty
    factor, failed = spotrf(gram, lower=1, overwrite_a=1)
    inverse, failed_too = spotri(factor, lower=1, overwrite_c=1)
    assert not failed
    assert not failed_too
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    inverse /= -np.diag(inverse)
    inverse[diagonal] = 0.0
    weights: Scores = inverse
    return weights


def best(
    matrix: csr_matrix, weights: Scores, count: int, offered: NDArray[np.bool_] | None = None
) -> Iterator[tuple[slice, Lists, Scores]]:
    """The `count` best items for everybody that they did not choose yet, batch by batch: rows, columns and scores.

    `weights` are EASE's, or one score per item. Only `offered` items are listed.

    Equal scores go by popularity, and so do the lists of people of whom
    nothing is known. Where too few items are left, NOBODY's column fills the list, with a score of minus infinity.
    """
    count_here = min(count, matrix.shape[1])
    for first in range(0, matrix.shape[0], BATCH):
        rows = slice(first, min(first + BATCH, matrix.shape[0]))
        chosen = matrix[rows]
        scores = np.asarray(chosen @ weights) if weights.ndim == 2 else np.tile(weights, (chosen.shape[0], 1))
        scores[chosen.nonzero()] = -np.inf
        if offered is not None:
            scores[:, ~offered] = -np.inf
        lists = np.full((chosen.shape[0], count), NOBODY, dtype=np.int32)
        values = np.full(lists.shape, -np.inf, dtype=np.float32)
        lists[:, :count_here] = _top(scores, count_here)
        values[:, :count_here] = np.take_along_axis(scores, lists[:, :count_here], 1)
        lists[np.isneginf(values)] = NOBODY
        yield rows, lists, values


def _top(scores: Scores, count: int) -> Lists:
    """The columns of the `count` largest of each row, the largest first; of equal ones the first columns."""
    if count == scores.shape[1]:
        return np.argsort(-scores, axis=1, kind="stable").astype(np.int32)
    least = -np.partition(-scores, count - 1, axis=1)[:, count - 1 : count]
    is_above, is_equal = scores > least, scores == least
    room = count - is_above.sum(axis=1, keepdims=True)
    is_in = is_above | (is_equal & (np.cumsum(is_equal, axis=1) <= room))
    columns = np.nonzero(is_in)[1].reshape(len(scores), count)
    order = np.argsort(-np.take_along_axis(scores, columns, 1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, 1).astype(np.int32)


@dataclass(frozen=True)
class Evaluation:
    """How well lists foretold what people chose, means over the people who chose something that could be foretold.

    `error` is the standard error of `ndcg`; `coverage` is the share of items that were in any list.
    """

    ndcg: float
    error: float
    precision: float
    recall: float
    hit_rate: float
    coverage: float
    people: int


def evaluate(known: csr_matrix, weights: Scores, chosen: csr_matrix, count: int = 10) -> Evaluation:
    """Lists of `count` items from what was known, beside what was chosen afterwards, of items not known before."""
    new = csr_matrix(chosen - chosen.multiply(known))
    new.eliminate_zeros()
    rows = np.flatnonzero(np.diff(new.indptr))
    new, discounts = new[rows], 1 / np.log2(np.arange(2, count + 2))
    gains, hits, listed = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(known.shape[1], dtype=bool)
    for batch, lists, _ in best(known[rows], weights, count):
        held = new[batch].toarray() > 0
        is_hit = np.take_along_axis(held, np.maximum(lists, 0), 1) & (lists != NOBODY)
        gains[batch], hits[batch] = is_hit @ discounts, is_hit.sum(axis=1)
        listed[lists[lists != NOBODY]] = True
    wanted = np.diff(new.indptr)
    ndcg = gains / np.cumsum(discounts)[np.minimum(wanted, count) - 1]
    if not len(rows):
        return Evaluation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    return Evaluation(
        float(ndcg.mean()),
        float(ndcg.std() / np.sqrt(len(rows))),
        float(hits.mean() / count),
        float((hits / wanted).mean()),
        float((hits > 0).mean()),
        float(listed.mean()),
        len(rows),
    )


@dataclass(frozen=True)
class Method:
    """What foretold best, popularity or EASE with a penalty, and how well each candidate did, by its name."""

    name: str
    penalty: float | None
    evaluations: dict[str, Evaluation]

    def weights(self, matrix: csr_matrix) -> Scores:
        """What `best` needs, from these choices."""
        return popularity(matrix) if self.penalty is None else ease(matrix, self.penalty)


def choose(known: csr_matrix, chosen: csr_matrix, count: int = 10) -> Method:
    """The method whose lists from what was `known` had the best NDCG of what was `chosen` after it.

    Popularity is the floor: EASE has to be better by more than popularity's standard error. Where nothing was chosen,
    popularity it is.
    """
    floor = evaluate(known, popularity(known), chosen, count)
    evaluations, penalties = {"popularity": floor}, {}
    for penalty in PENALTIES if floor.people else ():
        name = f"ease {penalty:g}"
        evaluations[name] = evaluate(known, ease(known, penalty), chosen, count)
        if evaluations[name].ndcg > floor.ndcg + floor.error:
            penalties[name] = penalty
    name = max(penalties, key=lambda name: evaluations[name].ndcg, default="popularity")
    return Method(name, penalties.get(name), evaluations)
