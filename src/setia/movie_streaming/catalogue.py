"""The titles: what there is, from when until when, and how they share the viewers."""

from typing import Any

import numpy as np
import pyarrow

from setia.movie_streaming.population import Array, Today, create, extend, view
from setia.movie_streaming.tables import MOVIES
from setia.simulation import DAY, NO_DATE, Plan, State, day_number, micros, stream, versions
from setia.simulation_rows import pa

GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Sci-Fi", "Animation", "Documentary")
GENRE_SHARES = np.array([0.18, 0.15, 0.2, 0.13, 0.12, 0.09, 0.08, 0.05])
LANGUAGES = ("Indonesian", "English", "Korean", "Japanese", "Mandarin", "Hindi", "Spanish")
LANGUAGE_SHARES = np.array([0.28, 0.34, 0.13, 0.1, 0.05, 0.06, 0.04])
FIRST_WORDS = (
    "Silent", "Last", "Hidden", "Golden", "Broken", "Distant", "Crimson", "Endless", "Lost", "Burning", "Second",
    "Paper", "Midnight", "Northern", "Wild", "Quiet", "Iron", "Summer", "Falling", "Borrowed", "Salt", "Velvet",
    "Hollow", "Electric", "Forgotten", "Rising", "Jakarta", "Bandung", "Tokyo", "Seoul",
)  # fmt: skip
SECOND_WORDS = (
    "Harbor", "Garden", "River", "Letters", "Horizon", "Promise", "Empire", "Shadow", "Bridge", "Winter", "Kingdom",
    "Signal", "Monsoon", "Island", "Road", "Mirror", "Orchard", "Storm", "Witness", "Voyage", "Temple", "Market",
    "Lantern", "Train", "Volcano", "Dancer", "Brothers", "Protocol", "Planet", "Recipe",
)  # fmt: skip
MOVIE_ARRAYS = {
    "genre": "i1", "second_genre": "i1", "language": "i1", "year": "i4", "minutes": "i4", "title": "i4",
    "part": "i1", "from": "i4", "to": "i4", "cost": "i8", "quality": "f4", "weight": "f4", "updated": "i8",
    "dirt": "i1",
}  # fmt: skip
SLOTS = 8192  # a title needs a share of 1/8192 of its genre's viewers to be found at all
FRESH_DAYS, FRESH_BOOST = 12.0, 5.0
TITLES, MOST_TITLES = 600, 3000


def first_titles(plan: Plan) -> int:
    """How many titles there are on the first day: 600, and more for a larger service."""
    return int(np.clip(TITLES * (plan.customers / 5000) ** 0.35, TITLES, MOST_TITLES))


def open_catalogue(plan: Plan, state: State) -> None:
    """Put the first titles into the state; they came over the year before."""
    create(state, "movie", MOVIE_ARRAYS)
    rng = stream(plan.seed, "movie_streaming/first_titles", plan.start)
    count = first_titles(plan)
    first_day = day_number(plan.start)
    columns = _titles(rng, count, first_day - rng.integers(1, 366, count), first_day, plan.dirt)
    # One title of each genre never leaves, so that no taste is ever without a title.
    columns["genre"][: len(GENRES)] = np.arange(len(GENRES))
    columns["to"][: len(GENRES)] = NO_DATE
    # Written before the history starts, so that whoever reads the first hour finds the catalogue there.
    columns["updated"] = np.full(count, micros(plan.start) - DAY)
    columns["weight"] = (1.0 + rng.permutation(count)) ** -0.9
    extend(state, "movie", columns, count)


def _titles(rng: np.random.Generator, count: int, since: Array, today: int, dirt: float) -> dict[str, Any]:
    licence = rng.integers(365, 1100, count)
    year = 1970 + today // 365 - np.minimum(rng.exponential(7, count), 60).astype(np.int64)
    return {
        "genre": rng.choice(len(GENRES), count, p=GENRE_SHARES),
        "second_genre": np.where(rng.random(count) < 0.12, rng.integers(0, len(GENRES), count), -1),
        "language": rng.choice(len(LANGUAGES), count, p=LANGUAGE_SHARES),
        "year": year,
        "minutes": np.clip(np.rint(rng.normal(108, 20, count)), 62, 210),
        "title": rng.integers(0, len(FIRST_WORDS) * len(SECOND_WORDS), count),
        "part": np.where(rng.random(count) < 0.1, rng.integers(2, 4, count), 1),
        "from": since,
        "to": np.where(rng.random(count) < 0.35, since + licence, NO_DATE),
        # Whole thousands of rupiah, in ten-thousandths as all money.
        "cost": np.rint(rng.lognormal(10.8, 0.8, count)).astype(np.int64) * 1000 * 10_000,
        "quality": rng.beta(5, 3, count),
        "dirt": np.where(rng.random(count) < dirt, rng.integers(1, 3, count), 0),
    }


def advance(today: Today) -> Array:
    """New titles and renewed licences of the day; returns the indices of the titles that changed."""
    rng, movies = today.rng("catalogue"), view(today.state, "movie")
    existing = len(movies["from"])
    last_day = np.flatnonzero(movies["to"] == today.number)
    renewed = last_day[rng.random(len(last_day)) < 0.55]
    movies["to"][renewed] += rng.integers(180, 540, len(renewed)).astype(np.int32)
    movies["updated"][renewed] = today.start
    count = int(rng.poisson(0.25 * first_titles(today.plan) / TITLES))
    if not count:
        return renewed
    columns = _titles(rng, count, np.full(count, today.number), today.number, today.plan.dirt)
    columns["updated"] = today.start
    columns["weight"] = (1.0 + rng.random(count) * existing) ** -0.9
    new = extend(today.state, "movie", columns, count)
    today.plant("movies", new[columns["dirt"] > 0] + 1, "stray_text")
    return np.concatenate([renewed, new])


def shelves(today: Today) -> Array:
    """For each genre, SLOTS titles by popularity: a random slot is a random viewer's choice today."""
    movies = view(today.state, "movie")
    age = today.number - movies["from"]
    live = (age >= 0) & ((movies["to"] == NO_DATE) | (movies["to"] >= today.number))
    weight = movies["weight"] * (1 + FRESH_BOOST * np.exp(-np.maximum(age, 0) / FRESH_DAYS)) * live
    table = np.empty((len(GENRES), SLOTS), np.int32)
    for genre in range(len(GENRES)):
        titles = np.flatnonzero(movies["genre"] == genre)
        share = np.cumsum(weight[titles])
        edges = np.floor(share / share[-1] * SLOTS).astype(np.int64)
        edges[-1] = SLOTS
        table[genre] = np.repeat(titles, np.diff(edges, prepend=0))
    return table


def movie_rows(state: State, chosen: Array) -> pyarrow.Table:
    """The rows of `movies` for these indices, as the source has them now."""
    movies = {name: values[chosen] for name, values in view(state, "movie").items()}
    titles = [
        _title(title, part, dirt)
        for title, part, dirt in zip(
            movies["title"].tolist(), movies["part"].tolist(), movies["dirt"].tolist(), strict=True
        )
    ]
    genres = [
        _genre(first, second, dirt)
        for first, second, dirt in zip(
            movies["genre"].tolist(), movies["second_genre"].tolist(), movies["dirt"].tolist(), strict=True
        )
    ]
    columns = {
        "movie_id": chosen + 1,
        "title": pa.array(titles, pa.string()),
        "genre": pa.array(genres, pa.string()),
        "release_year": movies["year"],
        "duration_min": movies["minutes"].astype(np.int64) * 10_000,
        "language": pa.array(LANGUAGES).take(pa.array(movies["language"])),
        "available_from": movies["from"],
        "available_to": movies["to"],
        "license_cost": movies["cost"],
    }
    return versions(MOVIES, columns, movies["updated"])


def _title(number: int, part: int, dirt: int) -> str:
    first, second = divmod(number, len(SECOND_WORDS))
    name = f"The {FIRST_WORDS[first]} {SECOND_WORDS[second]}" + (f" {part}" if part > 1 else "")
    return f"  {name} " if dirt == 1 else name


def _genre(first: int, second: int, dirt: int) -> str:
    name = GENRES[first] if second in (-1, first) else f"{GENRES[first]}|{GENRES[second]}"
    return name.upper() if dirt == 2 else name
