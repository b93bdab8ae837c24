"""The CDNOW sample of Fader and Hardie, read from the package lifetimes, which is not imported: days, in weeks."""

import importlib.util
from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

CALIBRATED = date(1997, 9, 30)


@cache
def days_of_customers() -> dict[int, dict[date, float]]:
    """What each customer spent on each day on which they bought."""
    package = importlib.util.find_spec("lifetimes")
    assert package is not None
    assert package.origin is not None
    text = (Path(package.origin).parent / "datasets" / "CDNOW_sample.txt").read_text("ascii")
    found: dict[int, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for line in text.splitlines():
        _, customer, day, _, dollars = line.split()
        found[int(customer)][date(int(day[:4]), int(day[4:6]), int(day[6:]))] += float(dollars)
    assert len(found) == 2357
    return found


def sample_histories() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repeats, recency and age at the end of week 39, in weeks."""
    triples = []
    for days in days_of_customers().values():
        seen = [day for day in days if day <= CALIBRATED]
        triples.append((len(seen) - 1, (max(seen) - min(seen)).days / 7, (CALIBRATED - min(seen)).days / 7))
    repeats, recency, age = np.array(triples, dtype=float).T
    return repeats, recency, age


def sample_holdout() -> np.ndarray:
    """Purchases of each customer in the 39 weeks after."""
    return np.array([sum(day > CALIBRATED for day in days) for days in days_of_customers().values()])


def repeat_spending() -> tuple[np.ndarray, np.ndarray]:
    """Of each customer, the repeats by week 39 and the mean that they spent on them."""
    told = []
    for days in days_of_customers().values():
        repeats = [days[day] for day in sorted(days) if day <= CALIBRATED][1:]
        told.append((len(repeats), sum(repeats) / max(len(repeats), 1)))
    purchases, spend = np.array(told).T
    return purchases, spend
