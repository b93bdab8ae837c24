"""An incremental run gives exactly what a full rebuild gives: movie_streaming after random histories of changes."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from any_history import SCHEDULES, Models, follow, models_of
from loaded_homes import Home, make
from movie_writes import everybody, writes
from random_writes import FIRST, SPAN
from setia.businesses import BUSINESSES

MOVIES = BUSINESSES["movie_streaming"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    built, begun = ("preparation", "model", "mart"), ("preparation", "fact_user_activity", "fact_payments+1")
    with models_of(MOVIES, built, begun, tmp_path_factory.mktemp("dbt")) as models:
        yield models


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_any_increments_of_any_history_leave_what_a_full_refresh_leaves(
    dsn, monkeypatch, tmp_path, models, seed
):
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    dice = random.Random(seed)
    make(dsn, bool(seed % 2), *everybody(), *writes(dice, 90), business=MOVIES)
    as_of = FIRST + timedelta(days=dice.randrange(SPAN // 2, SPAN))
    assert follow(dsn, Home(tmp_path / "home", MOVIES), models, dice, as_of, writes)
