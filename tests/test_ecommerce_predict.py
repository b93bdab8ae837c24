"""`setia predict ecommerce`: beside the chances that the simulator knows, at past days whose future is known, and on
next to nothing."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from loaded_homes import SHOP, Home
from setia import pipeline, simulation
from setia.ecommerce import simulate
from setia.ecommerce.buyers import GAP_DAYS
from setia.plan import Plan
from setia.predict import Prediction
from setia.prediction.back_test import area, quality
from setia.settings import load as load_settings

PLAN = Plan(seed=11, customers=8000, months=18)
SCORES = "ecommerce_ml.ml_customer_scores"


def quiet(*_: object) -> None:
    """No progress."""


def predict(home: Home, retrain: bool = False) -> Prediction:
    return pipeline.predict(load_settings(home.path), SHOP, quiet, retrain)


def built(folder: Path, plan: Plan) -> Home:
    simulation.simulate("ecommerce", plan, folder / "files")
    home = Home(folder / "home")
    home.load(folder / "files")
    pipeline.transform(load_settings(home.path), SHOP, None, quiet)
    return home


@dataclass(frozen=True)
class Shop:
    home: Home
    folder: Path
    first: Prediction


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    home = built(folder, PLAN)
    return Shop(home, folder, predict(home))


@pytest.fixture(scope="module")
def later() -> tuple[np.ndarray, np.ndarray]:
    """Who orders after the data end, and how many days after the last known one."""
    end = simulation.midnight(PLAN.end)
    state = simulation.replay(simulate, PLAN, end, quiet)
    rows, _ = simulation.window(simulate, PLAN, state, end, end + timedelta(days=100))
    orders = rows["orders"]
    completed = np.array([status.strip().lower() == "completed" for status in orders["status"].to_pylist()])
    since = orders["order_date"].to_numpy().astype("datetime64[us]") - np.datetime64(end.replace(tzinfo=None))
    days = since // np.timedelta64(1, "D") + 1
    return orders["customer_id"].to_numpy()[completed], days[completed]


def test_chances_rank_who_stays_away_nearly_as_well_as_who_knows_every_rate(shop, later):
    with duckdb.connect(str(shop.home.path / "warehouse" / "ecommerce.duckdb"), read_only=True) as warehouse:
        truth = shop.folder / "files" / "ground_truth" / "customers.parquet"
        rows = warehouse.execute(
            "select customer_id, churn_chance, no_order_probability_90d as hidden,"
            f" no_order_probability_90d_observed as told from {SCORES} join read_parquet('{truth}') using (customer_id)"
            " where churn_chance is not null order by customer_id"
        ).fetchnumpy()
    who, days = later
    ordered = set(who[(days > GAP_DAYS) & (days <= GAP_DAYS + 90)])
    left = np.array([customer not in ordered for customer in rows["customer_id"]])
    assert 500 < left.sum() < len(left) - 500
    ours = area(rows["churn_chance"], left)
    assert ours is not None
    assert ours >= 0.95 * area(rows["hidden"], left)
    assert ours >= 0.97 * area(rows["told"], left)
    assert quality(rows["churn_chance"], left).calibration_error <= 0.04


def test_what_was_foretold_90_days_ago_came_and_better_than_as_before(shop):
    rows = shop.home.ask(
        "select method, horizon_days, customers, expected_orders, orders, expected_value, value, mean_absolute_error,"
        " covered_share from ecommerce_ml.ml_value_quality order by method"
    )
    model, before = {row[0]: row for row in rows}["BG/NBD, MBG/NBD, Gamma-Gamma"], rows[-1]
    assert before[0] == "as in as many days before"
    assert model[1:3] == before[1:3]
    assert model[1] == 90
    assert model[2] > 3000
    assert model[3] == pytest.approx(model[4], rel=0.15)
    assert float(model[5]) == pytest.approx(float(model[6]), rel=0.15)
    assert model[7] < before[7]
    assert model[8] >= 0.88


def test_more_days_bring_more_orders_and_intervals_hold_what_is_expected(shop):
    ((customers, longer, within, dated),) = shop.home.ask(
        "select count(*), count(*) filter (expected_orders_365d > expected_orders_30d),"
        " count(*) filter (expected_value_365d <= value_365d_high or value_365d_high = 0), count(next_order_by)"
        f" from {SCORES}"
    )
    assert customers > 5000
    assert longer == customers
    assert within > 0.99 * customers
    assert 0 < dated < customers


def test_nobody_discovers_what_they_bought_and_buys_again_only_what_they_did(shop):
    pairs = "ecommerce_marts.fct_customer_product_affinity"
    rows = shop.home.ask(
        "select kind, count(*), max(rank), count(*) filter (orders_count is null), count(*) filter (orders_count > 1)"
        f" from ecommerce_ml.ml_product_recommendations left join {pairs} using (customer_id, product_id)"
        " group by kind order by kind"
    )
    (again, many, most, _, repeated), (discover, count, longest, fresh, _) = rows
    assert (again, most, repeated) == ("buy_again", 5, many)
    assert (discover, longest, fresh) == ("discover", 10, count)
    assert many > 1000
    assert count > 10_000


def test_predicting_again_keeps_what_was_learned_and_another_horizon_is_learned_anew(tmp_path, monkeypatch):
    home = built(tmp_path, Plan(seed=5, customers=1200, months=14))
    first = predict(home)
    before = home.ask(f"from {SCORES} order by all")
    assert predict(home).why_learned is None
    assert home.ask(f"from {SCORES} order by all") == before
    assert predict(home, retrain=True).model_id == first.model_id
    monkeypatch.setenv("SETIA_CHURN_DAYS", "28")
    pipeline.transform(load_settings(home.path), SHOP, None, quiet)
    assert "settings" in predict(home).why_learned
    ((days, share),) = home.ask(f"select max(leaves_before - leaves_from), avg(churn_chance) from {SCORES}")
    assert days == 28
    assert share > np.mean([row[4] for row in before if row[4] is not None])


@pytest.mark.parametrize(
    "orders",
    [
        [],
        [(1, 1, "2024-01-05")],
        [(key, key, "2024-01-05") for key in range(1, 700)],
        [(key, 1 + key % 600, f"2023-{1 + key % 12:02d}-05") for key in range(1, 2400)],
    ],
    ids=["nobody ordered", "one order", "all bought once on one day", "all gone, in one rhythm"],
)
def test_too_little_to_learn_from_is_said_and_nothing_crashes(tmp_path, orders):
    folder = tmp_path / "files"
    folder.mkdir()
    customers = "".join(f"{key},a{key}@example.com,A,B,ID,2023-01-01\n" for key in range(1, 701))
    (folder / "raw_customers.csv").write_text(
        f"customer_id,email,first_name,last_name,country,created_at\n{customers}"
    )
    (folder / "raw_products.csv").write_text(
        "product_id,product_name,category,cost_price,list_price\n1,A,X,1,2\n"
    )
    lines = "".join(f"{key},{customer},{day},completed,0\n" for key, customer, day in orders)
    (folder / "raw_orders.csv").write_text(f"order_id,customer_id,order_date,status,shipping_cost\n{lines}")
    items = "".join(f"{key},{key},1,1,100\n" for key, _, _ in orders)
    (folder / "raw_order_items.csv").write_text(
        f"order_item_id,order_id,product_id,quantity,unit_price\n{items}"
    )
    home = Home(tmp_path / "home")
    home.load(folder)
    pipeline.transform(load_settings(home.path), SHOP, "2024-06-30", quiet)
    done = predict(home)
    assert done.tables["ml_customer_scores"] == len({customer for _, customer, _ in orders})
    methods = {row[0] for row in home.ask(f"select value_method from {SCORES}")}
    assert methods <= {"not enough data", "mean of all", "mean of the segment"}
    assert home.ask(
        f"select count(*) from {SCORES} where isnan(churn_chance) or churn_chance not between 0 and 1"
    ) == [(0,)]
