"""An incremental run gives exactly what a full rebuild gives: the shop after random histories of changes."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from any_history import SCHEDULES, Models, follow, models_of
from loaded_homes import SHOP, Home, make
from random_writes import FIRST, SPAN
from shop_writes import everything, writes


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    built, begun = ("intermediate", "marts", "ml"), ("staging", "int_order_lines", "int_customer_orders")
    with models_of(SHOP, built, begun, tmp_path_factory.mktemp("dbt")) as models:
        yield models


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_any_increments_of_any_shop_leave_what_a_full_refresh_leaves(
    dsn, monkeypatch, tmp_path, models, seed
):
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    dice = random.Random(seed)
    make(dsn, bool(seed % 2), *everything(dice), business=SHOP)
    as_of = FIRST + timedelta(days=dice.randrange(SPAN // 2, SPAN))
    assert follow(dsn, Home(tmp_path / "home", SHOP), models, dice, as_of, writes)
