"""The shop looked at month by month: features that know nothing of the future, and what was said of a month stays said."""

import shutil
from pathlib import Path

import duckdb
import pytest

from ecommerce_warehouse import dbt, fetch, insert
from trap_rows import AS_OF

TRAINING = "ecommerce_ml.ml_customer_training"
CUTOFF = "2023-12-31"
LABELS = "is_churned, orders_ahead, order_total_ahead, split"
VARIABLES = f"{{as_of: '{AS_OF}'"


@pytest.fixture(scope="module")
def future(traps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shop in which all that came after 2023 is another story; built anew, with a cutoff."""
    home = tmp_path_factory.mktemp("future") / "home"
    shutil.copytree(traps.parent, home)
    after = f"timezone('Asia/Jakarta', order_date) >= date '{CUTOFF}' + 1"
    with duckdb.connect(str(home / "shop.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"delete from ecommerce_raw.raw_orders where {after} and order_id % 2 = 0")
        connection.execute(f"update ecommerce_raw.raw_orders set shipping_cost = 77 where {after}")
        # A refund has no day of its own: this one is given after the cutoff, for an order before it.
        connection.execute("update ecommerce_raw.raw_orders set refunded_amount = 20 where order_id = 113")
        order = {
            "order_id": 901,
            "customer_id": 14,
            "order_date": "2024-01-20 03:00:00+00",
            "status": "completed",
        }
        insert(connection, "raw_orders", order)
        line = {"order_item_id": 9010, "order_id": 901, "product_id": 6, "quantity": 99, "unit_price": 30}
        insert(connection, "raw_order_items", line)
    dbt(home, "run", "--target", "duckdb", "--vars", f"{VARIABLES}, features_cutoff: '{CUTOFF}'}}")
    return home / "shop.duckdb"


def test_features_know_nothing_of_what_comes_after_their_cutoff(traps: Path, future: Path) -> None:
    features = f"select * exclude ({LABELS}) from {TRAINING} where cutoff_date <= '{CUTOFF}' order by all"
    before, after = (fetch(file, features) for file in (traps, future))
    assert len(before) > 20
    assert before == after
    labels = f"select customer_id, orders_ahead from {TRAINING} where cutoff_date = '{CUTOFF}' order by 1"
    assert fetch(traps, labels) == [(12, 1), (13, 0), (14, 0)]
    assert fetch(future, labels) == [(12, 1), (13, 0), (14, 1)]


def test_what_is_scored_at_a_cutoff_is_what_was_learnt(future: Path) -> None:
    """The features of one day, by the one model and by the other."""
    columns = {
        name for table in ("ecommerce_ml.ml_customer_features", TRAINING)
        for name, *_ in fetch(future, f"describe {table}")
    }  # fmt: skip
    shared = sorted(
        columns & {name for name, *_ in fetch(future, f"describe {TRAINING}")} - set(LABELS.split(", "))
    )
    shared = [name for name in shared if name != "cutoff_date"]
    assert len(shared) > 12
    select = f"select {', '.join(shared)} from"
    scored = (
        f"{select} ecommerce_ml.ml_customer_features where frequency > 0 and recency_days < 365 order by all"
    )
    learnt = f"{select} {TRAINING} where cutoff_date = '{CUTOFF}' order by all"
    assert len(fetch(future, learnt)) == 3
    assert fetch(future, scored) == fetch(future, learnt)


def test_a_label_waits_until_its_days_are_over(traps: Path) -> None:
    """97 days before the 30th of April 2024 is the 24th of January."""
    newest = fetch(traps, f"select cast(max(cutoff_date) as varchar), min(is_churned) from {TRAINING}")
    assert newest == [("2023-12-31", 0)]


def test_the_split_is_by_time_and_no_label_of_training_reaches_into_the_tests(traps: Path) -> None:
    spans = fetch(
        traps, f"select split, min(cutoff_date), max(cutoff_date) from {TRAINING} group by 1 order by 2"
    )
    (train, _, last_train), (test, first_test, _) = spans
    assert (train, test, str(first_test)) == ("train", "test", "2023-10-31")
    assert (first_test - last_train).days > 97


def test_a_wrong_cutoff_is_explained(traps: Path) -> None:
    variables = f"{VARIABLES}, features_cutoff: 'last week'}}"
    printed = dbt(
        traps.parent,
        "compile",
        "--target",
        "duckdb",
        "--select",
        "ml_customer_features",
        "--vars",
        variables,
        fails=True,
    )
    assert "The variable features_cutoff is 'last week'." in printed
    assert "It must be a day such as 2024-01-31" in printed


def test_a_customer_is_followed_from_the_first_order_on_and_for_good(traps: Path) -> None:
    """Ten orders up to the 13th of July 2021: a year later the window is empty, and the customer is still there."""
    history = fetch(
        traps,
        "select cast(month_key as varchar), frequency_365d, recency_days, is_first_month"
        " from ecommerce_marts.fct_segment_history where customer_id = 9 order by 1",
    )
    assert len(history) == 43
    assert history[0] == ("2020-10-01", 1, 15, True)
    assert history[9] == ("2021-07-01", 10, 18, False)
    assert history[20:22] == [("2022-06-01", 1, 352, False), ("2022-07-01", 0, None, False)]
    moved = "select from_segment, to_segment, customers from ecommerce_marts.fct_segment_migration_monthly where month_key = '{}'"
    assert fetch(traps, moved.format("2022-07-01")) == [("Lost", "Lost", 1)]
    [[first, _, customers]] = fetch(traps, moved.format("2020-10-01"))
    assert (first, customers) == ("Prospect", 1)
