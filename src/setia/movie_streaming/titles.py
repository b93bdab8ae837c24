"""Which titles to show to whom: of those on offer that they have not watched."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow
from duckdb import DuckDBPyConnection

from setia.prediction import recommend
from setia.prediction.recommend import NOBODY, Keys, Method

LATELY_DAYS = 28
LENGTH = 10
VALID_PLAY_MINUTES = 2  # dbt's variable of that name: a shorter play is a start, and no choice
SCHEMA = "movie_streaming"


@dataclass(frozen=True)
class Plays:
    """Who watched which title for the first time, and whether that was in the last weeks."""

    users: Keys
    movies: Keys
    is_late: np.ndarray[tuple[int], np.dtype[np.bool_]]


def plays(connection: DuckDBPyConnection) -> Plays:
    """Each user and title once, by user and title."""
    rows = connection.execute(
        f"select user_id, movie_id, min(date_key) > (select max(cutoff_date) - ? from {SCHEMA}_ml.ml_user_snapshots)"
        f" as is_late from {SCHEMA}_model.fact_user_activity"
        f" where watch_duration_minutes >= {VALID_PLAY_MINUTES} group by user_id, movie_id"
        " order by user_id, movie_id",
        [LATELY_DAYS],
    ).to_arrow_table()
    users, movies, is_late = (column.to_numpy(zero_copy_only=False) for column in rows.columns)
    return Plays(users, movies, is_late.astype(bool))


def taste(connection: DuckDBPyConnection) -> Method:
    """The way of making lists that foretold best what was watched for the first time in the last weeks."""
    found = plays(connection)
    before, late = ~found.is_late, found.is_late
    known = recommend.choices(found.users[before], found.movies[before])
    chosen = recommend.aligned(known, found.users[late], found.movies[late])
    return recommend.choose(known.matrix, chosen, LENGTH)


def lists(connection: DuckDBPyConnection, method: Method, model_id: str) -> Iterator[pyarrow.Table]:
    """The lists of subscribers and of those worth a message, a part of the users at a time; one part at least."""
    found = plays(connection)
    audience, offered = _audience(connection), _offered(connection)
    known = recommend.choices(found.users, found.movies, also=audience)
    is_offered = np.isin(known.items, offered)
    wanted = np.flatnonzero(np.isin(known.people, audience))
    weights = method.weights(known.matrix)
    yield _part(known.people[:0], known.items[:0], np.empty(0, int), np.empty(0), method.name, model_id)
    for batch, columns, values in recommend.best(known.matrix[wanted], weights, LENGTH, is_offered):
        is_item = columns != NOBODY
        rows, ranks = np.nonzero(is_item)
        yield _part(
            known.people[wanted[batch]][rows],
            known.items[columns[is_item]],
            ranks + 1,
            values[is_item].astype(np.float64),
            method.name,
            model_id,
        )


def _part(users: Keys, movies: Keys, ranks: Keys, values: Keys, method: str, model_id: str) -> pyarrow.Table:
    return pyarrow.table(
        {
            "user_id": users,
            "rank": ranks,
            "movie_id": movies,
            "score": values,
            "method": [method] * len(users),
            "model_id": [model_id] * len(users),
        }
    )


def _audience(connection: DuckDBPyConnection) -> Keys:
    rows = connection.execute(
        f"select user_id from {SCHEMA}_ml.ml_user_snapshots"
        f" where cutoff_date = (select max(cutoff_date) from {SCHEMA}_ml.ml_user_snapshots)"
        f" union select user_id from {SCHEMA}_mart.mart_retargeting_candidates order by 1"
    ).to_arrow_table()
    return rows.column(0).to_numpy(zero_copy_only=False)


def _offered(connection: DuckDBPyConnection) -> Keys:
    """Titles on offer at as_of: the day after the last known one."""
    rows = connection.execute(
        f"select movie_id from {SCHEMA}_model.dim_movies,"
        f" (select max(cutoff_date) as last_day from {SCHEMA}_ml.ml_user_snapshots)"
        " where (available_from is null or available_from <= last_day)"
        " and (available_to is null or available_to > last_day) order by 1"
    ).to_arrow_table()
    return rows.column(0).to_numpy(zero_copy_only=False)
