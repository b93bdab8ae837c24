"""Traps B16, B17, B19 to B23, B45 and B46: what a customer is worth. The tutorial's rule beside ours, on the same rows."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tutorial_logic as tutorial
from ecommerce_warehouse import described, fetch, macros, row


def test_b16_an_order_without_lines_is_an_order_of_nothing(traps: Path) -> None:
    theirs = (
        "select frequency, avg_order_value, round(monetary / frequency, 2) from metrics where customer_id = 4"
    )
    assert tutorial.ask(traps, theirs) == [(2, 35.98, 17.99)]
    assert tutorial.ask(traps, "select order_total from order_totals where order_id = 105") == [(None,)]
    customer = row(traps, "marts.fct_customer_metrics", 4)
    assert (customer["frequency"], customer["monetary_value"]) == (2, Decimal("35.98"))
    assert customer["avg_order_value"] == Decimal("17.99")
    assert row(traps, "intermediate.int_customer_orders", 105)["order_total"] == 0


def test_b17_what_an_order_came_to_is_kept_apart(traps: Path, commands: dict[str, str]) -> None:
    """On the tutorial's own rows: what customers are worth is what products brought in, and the shipping."""
    sample = Path(commands["home"]) / "sample.duckdb"
    [[theirs, products]] = tutorial.ask(
        sample, "select (select sum(monetary) from metrics), (select sum(revenue) from product_sales)"
    )
    assert (theirs, products) == (Decimal("801.76"), Decimal("739.85"))  # and no column says why
    customers = "select sum(monetary_value), sum(merchandise_value), sum(shipping_value) from ecommerce_marts.fct_customer_metrics"
    assert fetch(sample, customers) == [(Decimal("801.76"), Decimal("739.85"), Decimal("61.91"))]
    order = row(traps, "intermediate.int_customer_orders", 101)
    parts = ("order_subtotal", "shipping_cost", "tax_amount", "discount_amount", "order_total", "net_total")
    assert [order[part] for part in parts] == [15, 5, 2, 3, 19, 19]


def test_b19_a_customer_without_orders_is_a_prospect(traps: Path) -> None:
    theirs = (
        "select monetary, predicted_clv_12m, churn_risk, " + tutorial.SEGMENT + ", " + tutorial.ACTION
        + " from metrics where customer_id = 3"
    )  # fmt: skip
    assert tutorial.ask(traps, theirs) == [(None, None, "Very Low", "Others", "Standard")]
    metrics = row(traps, "marts.fct_customer_metrics", 3)
    segment = row(traps, "marts.dim_customer_segments", 3)
    assert (metrics["frequency"], metrics["monetary_value"], metrics["predicted_clv_12m"]) == (0, 0, 0)
    assert (metrics["recency_days"], metrics["recency_score"]) == (None, None)
    assert metrics["churn_risk"] == "Not applicable"
    assert (segment["customer_segment"], segment["rfm_segment"]) == ("Prospect", "Prospect")
    assert segment["recommended_action"] == "First-order incentive"


RUPIAH = 15_000


def test_b20_scores_do_not_hang_on_the_currency(traps: Path) -> None:
    """The same shop in rupiah: whoever has bought is at the top of the tutorial's monetary score."""
    prices = f"{tutorial.RULES}, dear as (select monetary * {RUPIAH} as monetary from rfm where monetary > 0)"
    [bounds] = [line for line in tutorial.RULES.splitlines() if line.strip().endswith("as m")]
    assert fetch(traps, f"{prices} select distinct {bounds} from dear") == [(5,)]
    quintile = macros("quintile", type_integer=lambda: "bigint").quintile
    scored = "select m_quintile, {} from ecommerce_intermediate.int_customer_rfm_monthly where month_key = '2024-04-01'"
    ours = fetch(traps, scored.format(quintile(f"monetary_365d * {RUPIAH}")))
    assert {stored for stored, _ in ours} == {1, 3, 4, 5}
    assert [stored for stored, _ in ours] == [again for _, again in ours]


def test_b20_equal_customers_have_equal_quintiles(traps: Path) -> None:
    """Four customers spent 10 each. NTILE would put one of them into the next bucket, whichever comes last."""
    scored = "select count(distinct {}) from (select *, ntile(5) over (order by monetary_value) as bucket"
    scored += " from ecommerce_intermediate.int_customer_rfm) where monetary_value = 10"
    assert fetch(traps, scored.format("bucket")) == [(2,)]
    assert fetch(traps, scored.format("m_quintile")) == [(1,)]


def test_b21_orders_a_month_are_measured_over_at_least_a_month(traps: Path) -> None:
    """One order 40 days ago; two on neighbouring days."""
    theirs = (
        f"select customer_id, {tutorial.ORDERS_PER_MONTH} from metrics where customer_id in (5, 6) order by 1"
    )
    assert tutorial.ask(traps, theirs) == [(5, 0), (6, 60)]
    assert row(traps, "ml.ml_customer_features", 5)["orders_per_month"] == 0.75
    assert row(traps, "ml.ml_customer_features", 6)["orders_per_month"] == 2
    assert row(traps, "ml.ml_customer_features", 9)["orders_per_month"] == pytest.approx(10 * 30 / 1292)


def test_b22_a_multiple_of_the_past_is_called_a_rule_and_not_a_prediction(traps: Path) -> None:
    """Ten orders, none for 1,022 days: the tutorial expects half as much again. Its column keeps its rule, and says so."""
    theirs = tutorial.ask(
        traps, "select customer_id, predicted_clv_12m from metrics where customer_id in (3, 9) order by 1"
    )
    assert theirs == [(3, None), (9, Decimal("1574.85"))]
    assert row(traps, "marts.fct_customer_metrics", 3)["predicted_clv_12m"] == 0
    told = described(traps, "fct_customer_metrics")
    assert told["predicted_clv_12m"].startswith("The tutorial's rule")
    assert told["current_clv"].startswith("The tutorial's name for revenue")
    assert told["churn_risk"].startswith("The tutorial's rule")


def test_b23_who_bought_ten_times_and_left_is_seen_to_have_left(traps: Path) -> None:
    """Every 30 days, then nothing for 1,022: the tutorial's Medium, as after one order 121 days ago."""
    assert tutorial.ask(traps, "select churn_risk from metrics where customer_id = 9") == [("Medium",)]
    features = row(traps, "ml.ml_customer_features", 9)
    assert features["recency_days"] / features["avg_days_between_orders"] > 30
    assert row(traps, "marts.dim_customer_segments", 9)["rfm_segment"] == "Lost"


def test_b45_discounts_tax_and_refunds_count_where_the_source_has_them(traps: Path) -> None:
    assert tutorial.ask(traps, "select monetary from metrics where customer_id = 1") == [(60,)]
    customer: dict[str, Any] = row(traps, "marts.fct_customer_metrics", 1)
    parts = ("merchandise_value", "shipping_value", "tax_value", "discount_value", "refunded_value")
    assert [customer[part] for part in parts] == [45, 5, 2, 3, 9]
    assert customer["monetary_value"] == 45 + 5 + 2 - 3 - 9


def test_b46_two_accounts_of_one_email_are_one_person(traps: Path) -> None:
    theirs = "select customer_id, frequency, churn_risk from metrics where customer_id in (10, 11) order by 1"
    assert [frequency for _, frequency, _ in tutorial.ask(traps, theirs)] == [1, 1]  # nobody bought again
    accounts = "select customer_id, person_id from ecommerce_marts.fct_customer_metrics where customer_id in (10, 11)"
    assert sorted(fetch(traps, accounts)) == [(10, 10), (11, 10)]
    person = row(traps, "marts.dim_persons", 10)
    assert (person["accounts"], person["total_orders"]) == (2, 2)
