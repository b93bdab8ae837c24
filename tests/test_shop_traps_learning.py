"""Traps B33 to B37 and B48: what models learn from, and what is rebuilt when. The tutorial's rule beside ours."""

import math
import shutil
from pathlib import Path

import duckdb
import pytest

import tutorial_logic as tutorial
from ecommerce_warehouse import build, described, fetch, insert, row
from trap_rows import AS_OF

FEATURES = "ecommerce_ml.ml_customer_features"
TRAINING = "ecommerce_ml.ml_customer_training"
TWIN = "ecommerce_marts.fct_customer_metrics_incremental"


def test_b33_the_tutorials_target_is_called_a_rule_and_the_label_lies_ahead(traps: Path) -> None:
    """Its features foretell it without a fault: it is one of them, asked whether it is above 120."""
    leak = "count(*) filter ((churn_risk in ('High', 'Medium')) <> (coalesce(recency, 0) > 120))"
    assert tutorial.ask(traps, f"select {leak}, count(*) from metrics") == [(0, 13)]
    assert "not a label" in described(traps, "ml_customer_features")["is_churn_risk"]
    label = f"select is_churned, recency_days from {TRAINING} where customer_id = {{}} and cutoff_date = date '{{}}'"
    assert fetch(traps, label.format(9, "2021-07-31")) == [(1, 18)]  # gone, and seen so 18 days after
    assert fetch(traps, label.format(12, "2023-12-31")) == [(0, 9)]
    columns = {name for name, *_ in fetch(traps, f"describe {TRAINING}")}
    assert {"is_churned", "split"} < columns
    assert not columns & {
        "is_churn_risk",
        "churn_risk",
        "predicted_clv_12m",
        "recency_score",
        "rfm_total_score",
    }


def test_b34_the_order_trend_is_finite_for_every_buyer(traps: Path) -> None:
    """The tutorial divides by what may be nothing, and tells a trend of three orders or more only."""
    trend = tutorial.TREND.format(today="2024-04-30")
    theirs = dict(tutorial.ask(traps, f"select customer_id, {trend} from order_totals group by customer_id"))
    assert math.isnan(theirs.pop(9))
    assert theirs.pop(12) == 0
    assert set(theirs.values()) == {None}
    ours = dict(fetch(traps, f"select customer_id, order_trend_ratio from {FEATURES} where frequency > 0"))
    assert len(ours) == 12
    assert (ours[9], ours[6], ours[12]) == (1, 3, 0.25)
    assert all(0 < trend < 10 for trend in ours.values())


def test_b35_the_rules_multiplier_is_called_what_it_is(traps: Path) -> None:
    multipliers = (
        "select distinct round(predicted_clv_12m / monetary, 4) from metrics where monetary > 0 order by 1"
    )
    assert tutorial.ask(traps, multipliers) == [(0.8,), (1.2,), (1.5,)]  # the total score, three times over
    assert "the rule's multiplier again" in described(traps, "ml_customer_features")["clv_growth_multiplier"]
    assert "clv_growth_multiplier" not in {name for name, *_ in fetch(traps, f"describe {TRAINING}")}


def test_b36_what_says_the_same_twice_or_nothing_says_so(traps: Path) -> None:
    same = "select count(*) from metrics where frequency > 0 and round(avg_order_value - monetary / frequency, 6) = 0"
    assert tutorial.ask(traps, f"{same} and customer_id <> 4") == [(11,)]
    told = described(traps, "ml_customer_features")
    assert told["revenue_per_order"] == "The tutorial's second name for avg_order_value."
    assert "empty under two orders" in told["order_value_volatility"]
    assert "normalized" not in str(told)
    assert fetch(traps, f"select count(*) from {FEATURES} where revenue_per_order <> avg_order_value") == [
        (0,)
    ]


@pytest.fixture(scope="module")
def changed(traps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shop with an old customer's new order, a deleted order, and a line and a customer that vanished."""
    home = tmp_path_factory.mktemp("changed") / "home"
    shutil.copytree(traps.parent, home)
    file = home / "shop.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        order = {"order_id": 900, "customer_id": 13, "order_date": "2024-04-29 03:00:00+00", "_batch_id": 2}
        insert(connection, "raw_orders", order | {"status": "completed"})
        line = {"order_item_id": 9000, "order_id": 900, "product_id": 1, "quantity": 60, "unit_price": 10}
        insert(connection, "raw_order_items", line | {"_batch_id": 2})
        gone = "set _deleted_at = '2024-05-01', _batch_id = 2 where"
        connection.execute(f"update ecommerce_raw.raw_orders {gone} order_id = 106")
        connection.execute("delete from ecommerce_raw.raw_order_items where order_id = 111")
        connection.execute(f"update ecommerce_raw.raw_customers {gone} customer_id = 3")
    build(home, "run", AS_OF)
    return file


def test_b37_the_incremental_table_equals_the_full_one_after_changes(traps: Path, changed: Path) -> None:
    """The tutorial takes in who is newer than the newest it has: nobody at first, and no old customer's new order."""
    stored = "(select created_at from ecommerce_raw.raw_customers where false)"
    newer = "select count(*) from ecommerce_raw.raw_customers where " + tutorial.NEW_CUSTOMERS
    assert fetch(changed, newer.format(stored=stored)) == [(0,)]
    stored = f"(select customer_created_at as created_at from {TWIN})"
    assert fetch(
        changed, f"{newer.format(stored=stored)} and customer_id = 13 and created_at > '2020-01-02'"
    ) == [(0,)]
    before, after = (row(file, "marts.fct_customer_metrics_incremental", 13) for file in (traps, changed))
    assert (before["frequency"], after["frequency"], after["monetary_value"]) == (1, 2, 620)
    assert row(changed, "marts.fct_customer_metrics_incremental", 5)["frequency"] == 0
    assert row(changed, "marts.fct_customer_metrics_incremental", 10)["monetary_value"] == 0
    full = "ecommerce_marts.fct_customer_metrics"
    assert len(fetch(changed, f"from {full}")) == 12
    assert (
        fetch(changed, f"(from {full} except all from {TWIN}) union all (from {TWIN} except all from {full})")
        == []
    )


def test_b48_rules_are_called_rules_until_something_is_trained(traps: Path) -> None:
    """The tutorial's `predictive modeling` trains nothing: its value is the past times one of three numbers."""
    trained = "select count(distinct round(predicted_clv_12m / monetary, 4)) from metrics where monetary > 0"
    assert tutorial.ask(traps, trained) == [(3,)]
    rules = [described(traps, "fct_customer_metrics")[name] for name in ("predicted_clv_12m", "churn_risk")]
    rules += [
        described(traps, "ml_customer_features")[name] for name in ("predicted_clv_12m", "is_churn_risk")
    ]
    assert ["rule" in text for text in rules] == [True] * 4
