"""Arrays that grow as rows arrive, and what one simulated day carries around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from setia.simulation import PLANTED, Plan, State, day_number, micros, planted_rows, stream

Array = Any  # a numpy array: its type is only known at run time
Rows = dict[str, Array]
SECOND = 1_000_000
HOUR = 3600 * SECOND
NOBODY = 9_000_000_000  # keys from here on belong to no row: the orphans' parents


@dataclass
class Today:
    """One day of the simulation: where it stands in time, and the dirty rows it has made so far."""

    plan: Plan
    state: State
    planted: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.number = day_number(self.state.day)
        self.start = micros(self.state.day)

    def rng(self, name: str) -> np.random.Generator:
        """The day's own stream of that name."""
        return stream(self.plan.seed, f"movie_streaming/{name}", self.state.day)

    def plant(self, table: str, keys: Array, kind: str) -> None:
        """Put on record that the rows of these keys are dirty."""
        if len(keys):
            self.planted.append(planted_rows(table, keys, kind))

    def all_planted(self) -> pa.Table:
        """Every dirty row of the day."""
        return pa.concat_tables([PLANTED.empty_table(), *self.planted])


def view(state: State, kind: str) -> Rows:
    """The arrays of one kind of row, as long as there are rows; writing to them changes the state."""
    count, arrays = int(state.arrays[f"{kind}.count"][0]), state.arrays
    return {column: arrays[name][:count] for name, column in _columns(kind, tuple(arrays))}


@cache
def _columns(kind: str, arrays: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, name[len(kind) + 1 :]) for name in arrays if name.startswith(f"{kind}/")]


def create(state: State, kind: str, types: Mapping[str, str]) -> None:
    """Start the arrays of a kind of row with room for a few."""
    state.arrays[f"{kind}.count"] = np.zeros(1, np.int64)
    for name, dtype in types.items():
        state.arrays[f"{kind}/{name}"] = np.zeros(256, dtype)


def extend(state: State, kind: str, columns: Mapping[str, Any], count: int) -> Array:
    """Append `count` rows; returns their indices. Columns left out are zero."""
    first = int(state.arrays[f"{kind}.count"][0])
    for name, column in _columns(kind, tuple(state.arrays)):
        values = state.arrays[name]
        if first + count > len(values):
            # A third more at a time: copying stays a small part of the work however many arrive.
            values = np.concatenate([values, np.zeros(count + len(values) // 3, values.dtype)])
            state.arrays[name] = values
        values[first : first + count] = columns.get(column, 0)
    state.arrays[f"{kind}.count"][0] = first + count
    return np.arange(first, first + count)


def take_keys(state: State, kind: str, count: int) -> Array:
    """The next keys of a table whose rows the state does not hold."""
    counter = state.arrays[f"next.{kind}"]
    first = int(counter[0])
    counter[0] += count
    return np.arange(first, first + count)


def some(rng: np.random.Generator, count: int, share: float) -> Array:
    """The indices of a random share of `count` rows, in order and without repeats."""
    wanted = rng.binomial(count, min(share, 1.0)) if count else 0
    chosen = np.sort(rng.integers(0, count, wanted)) if wanted else np.zeros(0, np.int64)
    return chosen[np.diff(chosen, prepend=-1) > 0]


def split(rng: np.random.Generator, chosen: Array, weights: tuple[float, ...]) -> list[Array]:
    """The chosen rows dealt out by weight: one array of indices a weight."""
    edges = np.cumsum(weights) / sum(weights)
    dealt = np.searchsorted(edges, rng.random(len(chosen)), side="right")
    return [chosen[dealt == number] for number in range(len(weights))]
