"""CDNOW's purchases of Fader and Hardie, read from the package lifetimes, which is not imported."""

import importlib.util
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from setia.prediction.lifetime_value import Customers

CALIBRATED = date(1997, 9, 30)
"""The last day of week 39."""


@cache
def days_of_customers(name: str = "CDNOW_sample.txt") -> dict[int, dict[date, float]]:
    """What each customer spent on each day on which they bought. The sample has keys of its own beside the master's."""
    package = importlib.util.find_spec("lifetimes")
    assert package is not None
    assert package.origin is not None
    text = (Path(package.origin).parent / "datasets" / name).read_text("ascii")
    found: dict[int, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for line in text.splitlines():
        if not line.split()[0].isdigit():
            continue
        *_, customer, day, _, dollars = line.split()
        found[int(customer)][date(int(day[:4]), int(day[4:6]), int(day[6:]))] += float(dollars)
    assert len(found) == {"CDNOW_sample.txt": 2357, "CDNOW_master.txt": 23570}[name]
    return found


def customers_at(last_day: date, name: str = "CDNOW_sample.txt") -> Customers:
    """What was known of each customer at the end of a day, in days and dollars."""
    told = []
    for days in days_of_customers(name).values():
        seen = [day for day in sorted(days) if day <= last_day]
        repeats = [days[day] for day in seen[1:]]
        mean = sum(repeats) / max(len(repeats), 1)
        told.append((len(repeats), (seen[-1] - seen[0]).days, (last_day - seen[0]).days, mean))
    repeats, recency, age, mean_value = np.array(told, dtype=float).T
    return Customers(repeats, recency, age, mean_value, np.full(len(told), "all"))


def came_after(last_day: date, days: int, name: str = "CDNOW_sample.txt") -> tuple[np.ndarray, np.ndarray]:
    """Purchases and dollars of each customer in the days after."""
    until = last_day + timedelta(days=days)
    later = [
        [spent for day, spent in bought.items() if last_day < day <= until]
        for bought in days_of_customers(name).values()
    ]
    return np.array([len(each) for each in later]), np.array([sum(each) for each in later])
