"""What surrounds the shop's customers: the calendar, the campaigns and the catalogue."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from setia.ecommerce.tables import PRODUCTS
from setia.simulation import Plan, State, micros, stream
from setia.simulation_rows import DAY, versions

Array = np.ndarray[Any, Any]
Dirt = list[tuple[str, Array, str]]
"""(table, keys, kind) of what is planted."""

IDUL_FITRI = date(2024, 4, 10)
LUNAR_YEAR_DAYS = 354.367
WEEKDAY = (0.93, 0.92, 0.94, 0.97, 1.05, 1.13, 1.10)
DOUBLE_DATES = {(8, 8): 1.3, (9, 9): 1.4, (10, 10): 1.5, (11, 11): 2.8, (12, 12): 2.4}
DISCOUNTS = {(8, 8): 0.12, (9, 9): 0.15, (10, 10): 0.18, (11, 11): 0.30, (12, 12): 0.25}
HOURS = np.array(
    [12, 7, 4, 3, 4, 8, 14, 20, 26, 32, 37, 42, 48, 40, 36, 36, 38, 42, 52, 68, 78, 72, 50, 26], float
)
HOUR_CDF = np.concatenate([[0.0], np.cumsum(HOURS) / HOURS.sum()])

FIRST_SHARE = 0.6
"""The part of the catalogue that is there on the first day; the rest is launched over the plan."""
REPRICE_EVERY_DAYS = 120
PARETO = 1.05
BRANDS = ("Nusa", "Sinar", "Rimba", "Anggrek", "Garuda", "Melati", "Cahaya", "Samudra", "Kencana", "Lestari",
          "Bintang", "Merapi", "Pelangi", "Jaya", "Arunika", "Dewata")  # fmt: skip


@dataclass(frozen=True)
class Category:
    """A shelf of the shop. `price` is the median list price in IDR."""

    name: str
    share: float
    price: int
    returned: float
    nouns: tuple[str, ...]


CATEGORIES = (
    Category("Fashion", 0.20, 165_000, 0.11, ("Batik Shirt", "Sarong", "Sneakers", "Hijab", "Jacket", "Denim")),
    Category("Beauty", 0.15, 85_000, 0.02, ("Serum", "Sunscreen", "Lipstick", "Face Wash", "Hair Oil", "Perfume")),
    Category("Groceries", 0.16, 42_000, 0.01, ("Coffee", "Rice 5 kg", "Sambal", "Palm Sugar", "Tea", "Noodles")),
    Category("Home & Living", 0.12, 140_000, 0.04, ("Rattan Basket", "Bed Sheet", "Lamp", "Wok", "Fan", "Shelf")),
    Category("Electronics", 0.10, 420_000, 0.06, ("Earbuds", "Power Bank", "Rice Cooker", "Keyboard", "Router")),
    Category("Health", 0.08, 70_000, 0.01, ("Vitamin C", "Herbal Tonic", "Mask Pack", "Thermometer", "Balm")),
    Category("Baby", 0.06, 110_000, 0.03, ("Diapers", "Bottle", "Stroller", "Romper", "Blanket")),
    Category("Sports", 0.05, 190_000, 0.06, ("Racket", "Jersey", "Yoga Mat", "Football", "Dumbbell")),
    Category("Toys", 0.05, 95_000, 0.03, ("Puzzle", "Doll", "Race Car", "Blocks", "Board Game")),
    Category("Books", 0.03, 80_000, 0.01, ("Novel", "Cook Book", "Atlas", "Comic", "Dictionary")),
)  # fmt: skip
SHARES = np.repeat(np.arange(len(CATEGORIES)), [round(100 * category.share) for category in CATEGORIES])
"""A hundred categories, each as often as its share: indexing it is the fastest draw."""
RETURNED = np.array([category.returned for category in CATEGORIES])
MOST_NOUNS = max(len(category.nouns) for category in CATEGORIES)


def days_to_idul_fitri(day: date) -> int:
    """Days until the next Idul Fitri, negative in the ten days after one (within a day of the sighting)."""
    ahead = (IDUL_FITRI - day).days % LUNAR_YEAR_DAYS
    return round(ahead if ahead < LUNAR_YEAR_DAYS - 10 else ahead - LUNAR_YEAR_DAYS)


@cache
def demand(day: date) -> float:
    """How eager everybody is on that local day; 1 is an ordinary day."""
    level = WEEKDAY[day.weekday()] * DOUBLE_DATES.get((day.month, day.day), 1.0)
    if day.day >= 25 or day.day <= 2:
        level *= 1.22
    ahead = days_to_idul_fitri(day)
    if 3 < ahead <= 27:
        level *= 1.15 + 0.02 * (27 - ahead)
    elif -6 <= ahead <= 3:
        level *= 0.6
    return level * (1.15 if day.month == 12 and 14 <= day.day <= 24 else 1.0)


@cache
def campaign(day: date) -> float:
    """The day's usual discount on a line in a campaign, 0 when there is none."""
    if (day.month, day.day) in DISCOUNTS:
        return DISCOUNTS[day.month, day.day]
    if 3 < days_to_idul_fitri(day) <= 27:
        return 0.12
    return 0.08 if day.day >= 25 or day.day == 1 else 0.0


def time_of_day(uniform: Array) -> Array:
    """Microseconds after local midnight, following the day's rhythm, for numbers in [0, 1)."""
    hours = np.interp(uniform, HOUR_CDF, np.arange(25.0))
    after: Array = np.minimum((hours * (DAY / 24)).astype(np.int64), DAY - 1)
    return after


def catalogue_size(plan: Plan) -> int:
    """How many products the shop has at the plan's end."""
    return min(5_000, 240 + plan.customers // 20)


def open_catalogue(plan: Plan, state: State) -> pa.Table:
    """Put the first products on the shelves, launched in the year before the plan; returns their rows."""
    rng = stream(plan.seed, "catalogue", 0)
    count = max(len(CATEGORIES), round(catalogue_size(plan) * FIRST_SHARE))
    launched = micros(plan.start) - rng.integers(DAY, 365 * DAY, count)
    _launch(plan, state, rng, launched, np.arange(count) % len(CATEGORIES))
    return product_rows(state, np.arange(count))


def _launch(plan: Plan, state: State, rng: np.random.Generator, launched: Array, category: Array) -> None:
    count, arrays = len(launched), state.arrays
    median = np.array([shelf.price for shelf in CATEGORIES])[category]
    price = np.maximum(np.round(median * rng.lognormal(0, 0.55, count) / 500), 4) * 500
    new: dict[str, Array] = {
        "product_category": category.astype(np.int8),
        "product_name": rng.integers(0, 1 << 20, count),
        "product_price": price.astype(np.int64),
        "product_cost": np.round(price * rng.uniform(0.5, 0.8, count) / 100).astype(np.int64) * 100,
        # Pareto weights: within a category the sales by rank follow Zipf's law.
        "product_weight": np.minimum((1 - rng.random(count)) ** (-1 / PARETO), 300),
        "product_launched": launched,
        "product_updated": launched.copy(),
        "product_dirt": np.where(rng.random(count) < plan.dirt, rng.integers(1, 4, count), 0).astype(np.int8),
    }
    for name, values in new.items():
        arrays[name] = np.concatenate([arrays[name], values]) if name in arrays else values


def product_rows(state: State, which: Array) -> pa.Table:
    """Versions of these products (indices), written when they were last changed."""
    arrays = state.arrays
    picked = (arrays[f"product_{name}"][which].tolist() for name in ("name", "category", "dirt"))
    names, shelves = [], []
    for index, code, shelf, mess in zip(which.tolist(), *picked, strict=True):
        nouns = CATEGORIES[shelf].nouns
        name = f"{BRANDS[code % len(BRANDS)]} {nouns[code // len(BRANDS) % len(nouns)]} {index + 1}"
        title = CATEGORIES[shelf].name
        names.append(f"  {name.replace(' ', '  ')} " if mess == 1 else name)
        shelves.append((title, title, title.upper(), f" {title.lower()}")[mess])
    columns = {
        "product_id": which + 1,
        "product_name": pa.array(names, pa.string()),
        "category": pa.array(shelves, pa.string()),
        "cost_price": arrays["product_cost"][which] * 10_000,
        "list_price": arrays["product_price"][which] * 10_000,
        "launched_at": arrays["product_launched"][which],
    }
    return versions(PRODUCTS, columns, arrays["product_updated"][which])


def product_dirt(state: State, which: Array) -> Dirt:
    """What is planted in these products."""
    dirt = state.arrays["product_dirt"][which]
    kinds = {"stray_space": (dirt == 1) | (dirt == 3), "stray_case": dirt == 2}
    return [("products", which[here] + 1, kind) for kind, here in kinds.items()]


def change_catalogue(plan: Plan, state: State) -> tuple[pa.Table | None, Dirt]:
    """A day's launches and new prices; they are sold from the next day on."""
    rng, arrays, start = stream(plan.seed, "catalogue", state.day), state.arrays, micros(state.day)
    before = len(arrays["product_price"])
    changed = np.flatnonzero(rng.random(before) < 1 / REPRICE_EVERY_DAYS)
    _reprice(state, rng, changed)
    count = rng.poisson(catalogue_size(plan) * (1 - FIRST_SHARE) / plan.days)
    launched = start + np.sort(time_of_day(rng.random(count)))
    category = SHARES[rng.integers(0, 100, count)]
    _launch(plan, state, rng, launched, category)
    new = np.arange(before, before + count)
    which = np.concatenate([changed, new])
    return (product_rows(state, which) if len(which) else None), product_dirt(state, new)


def _reprice(state: State, rng: np.random.Generator, which: Array) -> None:
    arrays, count = state.arrays, len(which)
    price = arrays["product_price"][which] * rng.uniform(0.91, 1.13, count)
    cost = arrays["product_cost"][which] * rng.uniform(0.97, 1.06, count)
    arrays["product_price"][which] = np.maximum(np.round(price / 500), 4).astype(np.int64) * 500
    arrays["product_cost"][which] = np.round(cost / 100).astype(np.int64) * 100
    arrays["product_updated"][which] = micros(state.day) + time_of_day(rng.random(count))


@dataclass(frozen=True)
class Shelves:
    """Products that may be sold today, by category, with the running sum of their popularity."""

    product: Array
    heaped: Array
    edges: Array

    def pick(self, category: Array, uniform: Array) -> Array:
        """A product (index) of each category, popular ones more often."""
        low = self.edges[category]
        heap = low + uniform * (self.edges[category + 1] - low)
        place = np.searchsorted(self.heaped, heap, side="right")
        picked: Array = self.product[np.minimum(place, len(self.product) - 1)]
        return picked


def stock_shelves(state: State) -> Shelves:
    """The shelves at the start of the state's day."""
    category = state.arrays["product_category"]
    product = np.argsort(category, kind="stable")
    heaped = np.cumsum(state.arrays["product_weight"][product])
    ends = np.searchsorted(category[product], np.arange(len(CATEGORIES)), side="right")
    return Shelves(product, heaped, np.concatenate([[0.0], heaped[ends - 1]]))
