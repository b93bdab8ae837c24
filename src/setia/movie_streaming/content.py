"""What titles are still to bring while their licence runs, and which genres have fewer titles than they are watched."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from setia import scores
from setia.movie_streaming import predicted
from setia.prediction import decline
from setia.prediction.decline import Decline, Floats
from setia.prediction.recommend import Keys
from setia.schema import Predicted

HORIZON = 3
MEASURES = {
    "hours": "watched_minutes / 60",
    "completers": "completers",
    "revenue": "attributed_revenue",
}
BY_AGE, AS_LATELY = "by age", "as lately"
DRAWS, SEED = 999, 7


@dataclass(frozen=True)
class Titles:
    """Every title with a complete month: its key, and by measure titles by months; NaN before it was there."""

    keys: Keys
    months: list[Any]
    ages: Floats
    values: dict[str, Floats]


@dataclass(frozen=True)
class Content:
    """How titles went on, by measure, and how well that told the newest months that it could be judged by."""

    declines: dict[str, Decline]
    judged: list[dict[str, Any]]

    def method(self, measure: str) -> str:
        """What told a measure best; as lately where nothing could be judged."""
        errors = {
            row["method"]: row["mean_absolute_error"] for row in self.judged if row["measure"] == measure
        }
        return min(errors, key=errors.__getitem__, default=AS_LATELY)


def titles(connection: DuckDBPyConnection) -> Titles:
    """What every complete month brought of every title that was there."""
    columns = ", ".join(f"cast({sql} as double) as {name}" for name, sql in MEASURES.items())
    rows = connection.execute(
        f"select movie_id, month_key, {columns} from movie_streaming_mart.mart_content_value where is_complete"
        " order by movie_id, month_key"
    ).to_arrow_table()
    movies = rows.column("movie_id").to_numpy(zero_copy_only=False)
    months = rows.column("month_key").to_numpy(zero_copy_only=False).astype("datetime64[M]").astype(int)
    keys, row = np.unique(movies, return_inverse=True)
    width = int(months.max() - months.min()) + 1 if len(months) else 0
    column = months - (months.min() if len(months) else 0)
    first = np.full(len(keys), width)
    np.minimum.at(first, row, column)
    ages = np.arange(width)[None, :] - first[:, None]
    values = {}
    for name in MEASURES:
        # A month without a row, after the first, is one in which nobody watched it.
        values[name] = np.where(ages >= 0, 0.0, np.nan)
        values[name][row, column] = rows.column(name).to_numpy(zero_copy_only=False)
    return Titles(keys, list(np.unique(months)), np.maximum(ages, 0).astype(np.float64), values)


def learn(connection: DuckDBPyConnection) -> Content:
    """From all complete months; judged where those before the newest three tell enough."""
    found = titles(connection)
    declines = {name: decline.learn(values, found.ages, HORIZON) for name, values in found.values.items()}
    return Content(declines, [row for name in MEASURES for row in _judged(found, name)])


def _judged(found: Titles, measure: str) -> Iterator[dict[str, Any]]:
    values, month = found.values[measure], len(found.ages.T) - HORIZON - 1
    if month < HORIZON:
        return
    learned = decline.learn(values[:, : month + 1], found.ages[:, : month + 1], HORIZON)
    base = decline.lately(values, month)
    told = decline.foretell(learned, base, found.ages[:, month])
    came = np.nansum(values[:, month + 1 :], axis=1)
    known = ~np.isnan(told.expected)
    if not known.any():
        return
    inside = (told.low[known] <= came[known]) & (came[known] <= told.high[known])
    for method, expected in ((BY_AGE, told.expected[known]), (AS_LATELY, HORIZON * base[known])):
        yield {
            "measure": measure,
            "method": method,
            "titles": int(known.sum()),
            "expected": float(expected.sum()),
            "came": float(came[known].sum()),
            "mean_absolute_error": float(np.abs(expected - came[known]).mean()),
            "covered_share": float(inside.mean()) if method == BY_AGE else None,
        }


def score(
    connection: DuckDBPyConnection, learned: Content, model_id: str
) -> Iterator[tuple[Predicted, pyarrow.Table]]:
    """What titles are to bring, which genres are short of titles, and how well the first was told before."""
    yield predicted.TITLE_VALUE, _values(connection, learned, model_id)
    yield predicted.GENRE_DEMAND, _genres(connection)
    yield predicted.CONTENT_QUALITY, scores.table(predicted.CONTENT_QUALITY, learned.judged)


def _values(connection: DuckDBPyConnection, learned: Content, model_id: str) -> pyarrow.Table:
    """Of titles on offer: what is expected of the share of the next months in which their licence runs."""
    found = titles(connection)
    offered, share, cost = _licences(connection, found.keys)
    columns: dict[str, Any] = {"movie_id": found.keys[offered]}
    last = len(found.ages.T) - 1
    for name, values in found.values.items():
        base = decline.lately(values, last)
        ages = found.ages[:, last] if last >= 0 else base
        told = decline.foretell(learned.declines[name], base, ages)
        expected = told.expected if learned.method(name) == BY_AGE else HORIZON * base
        columns[f"{name}_expected"] = expected[offered] * share[offered]
        columns[f"{name}_low"] = np.minimum(told.low, expected)[offered] * share[offered]
        columns[f"{name}_high"] = np.maximum(told.high, expected)[offered] * share[offered]
        columns[f"{name}_method"] = [learned.method(name)] * int(offered.sum())
    columns["licence_share"] = share[offered]
    columns["licence_cost"] = cost[offered] * share[offered]
    columns["return_expected"] = columns["revenue_expected"] - columns["licence_cost"]
    columns["model_id"] = [model_id] * int(offered.sum())
    return pyarrow.table(columns)


def _licences(connection: DuckDBPyConnection, keys: Keys) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Whether each title is on offer after the last complete month, for which share of the next ones, at what cost."""
    rows = connection.execute(f"""
        with bounds as (
            select max(month_key) + interval 1 month as begins, max(month_key) + interval {HORIZON + 1} month as ends
            from movie_streaming_mart.mart_content_value
            where is_complete
        ),

        costs as (
            select movie_id, cast(sum(licence_cost) as double) * {HORIZON} as licence_cost
            from movie_streaming_mart.mart_content_value
            where month_key = (select max(month_key) from movie_streaming_mart.mart_content_value where is_complete)
            group by movie_id
        )

        select
            movie_id,
            greatest(0.0, least(1.0, date_diff('day', begins, coalesce(available_to, cast(ends as date)))
                / cast(date_diff('day', begins, ends) as double))) as share,
            licence_cost
        from movie_streaming_model.dim_movies cross join bounds left join costs using (movie_id)
        order by movie_id
    """).to_arrow_table()
    movies, share, cost = (column.to_numpy(zero_copy_only=False) for column in rows.columns)
    place = np.searchsorted(movies, keys)
    of_keys = np.asarray(share, dtype=np.float64)[place]
    return of_keys > 0, of_keys, np.asarray(cost, dtype=np.float64)[place]


def _genres(connection: DuckDBPyConnection) -> pyarrow.Table:
    """Hours a title in the newest complete months, beside the mean of all titles; bounds by drawing titles anew."""
    rows = connection.execute(f"""
        with hours as (
            select movie_id, sum(watched_minutes) / 60 as hours
            from movie_streaming_mart.mart_content_value
            where is_complete and month_key > (
                select max(month_key) - interval {HORIZON} month
                from movie_streaming_mart.mart_content_value where is_complete)
            group by movie_id
        )

        select genre, cast(hours as double) as hours
        from hours inner join movie_streaming_model.bridge_movie_genres using (movie_id)
        where genre is not null
        order by genre, movie_id
    """).to_arrow_table()
    genres, hours = (column.to_numpy(zero_copy_only=False) for column in rows.columns)
    dice, table = np.random.default_rng(SEED), []
    everyone = float(hours.mean()) if len(hours) else 0.0
    for genre in np.unique(genres) if everyone > 0 else ():
        mine = hours[genres == genre]
        drawn = mine[dice.integers(0, len(mine), (DRAWS, len(mine)))].mean(axis=1) / everyone
        low, high = np.quantile(drawn, [0.05, 0.95])
        demand = float(mine.mean()) / everyone
        table.append(
            {
                "genre": genre,
                "titles": len(mine),
                "share_of_titles": len(mine) / len(hours),
                "hours": float(mine.sum()),
                "share_of_hours": float(mine.sum() / hours.sum()),
                "demand": demand,
                "demand_low": min(float(low), demand),
                "demand_high": max(float(high), demand),
                "is_undersupplied": bool(low > 1),
            }
        )
    return scores.table(predicted.GENRE_DEMAND, table)
