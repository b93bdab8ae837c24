"""What the simulator knows of its own history, reckoned here in Python, is what the marts say, month by month."""

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest

from setia import pipeline, simulation
from setia.businesses import BUSINESSES
from setia.plan import Plan
from setia.settings import load as load_settings

MOVIES = BUSINESSES["movie_streaming"]
ZONE = ZoneInfo("Asia/Jakarta")
BAD = {"orphan", "unknown_status", "end_before_start", "impossible_completion"}
Row = dict[str, Any]


class History:
    """The rows of one simulated history that are good, the newest version of each key, and how subscriptions ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        planted = self.read("ground_truth/planted")
        self.bad = {(row["table"], row["key"]) for row in planted if row["kind"] in BAD}
        self.reasons = {row["subscription_id"]: row["kind"] for row in self.read("ground_truth/endings")}
        self.runtimes = {row["movie_id"]: float(row["duration_min"]) for row in self.rows("movies")}
        self.sessions, self.payments = self.rows("watch_sessions"), self.rows("payments")
        self.paid = [row for row in self.rows("subscriptions") if not row["is_trial"]]

    def read(self, name: str) -> list[Row]:
        rows: list[Row] = pq.read_table(self.folder / f"{name}.parquet").to_pylist()
        assert rows, name
        return rows

    def rows(self, table: str) -> list[Row]:
        key = MOVIES.table(table).key
        newest: dict[int, Row] = {}
        for row in sorted(self.read(f"raw_{table}"), key=lambda row: row["updated_at"]):
            newest[row[key]] = row
        return [row for row in newest.values() if (table, row[key]) not in self.bad]

    def mrr(self, day: date) -> dict[int, int]:
        """What each user pays a month on the morning of a day."""
        mrr: dict[int, int] = defaultdict(int)
        for row in self.paid:
            if row["start_date"] <= day and (row["end_date"] is None or day < row["end_date"]):
                assert row["billing_interval"] == "month"
                mrr[row["user_id"]] += int(row["price"] - (row["discount_amount"] or 0))
        return {user: amount for user, amount in mrr.items() if amount > 0}

    def churned(self, month: date) -> dict[str, int]:
        """How many left in a month for each reason, as the simulator had it."""
        before, after = self.mrr(month), self.mrr(following(month))
        counts = {"voluntary": 0, "involuntary": 0}
        for user in before.keys() - after.keys():
            ended = [row for row in self.paid if row["user_id"] == user and row["end_date"]]
            last = max(
                (row for row in ended if row["end_date"] <= following(month)), key=lambda row: row["end_date"]
            )
            counts[self.reasons[last["subscription_id"]]] += 1
        return counts

    def minutes(self, session: Row) -> float | None:
        if session["end_time"] is None:
            return None
        elapsed = (session["end_time"] - session["start_time"]).total_seconds() / 60
        return float(min(elapsed, 1.5 * self.runtimes[session["movie_id"]]))

    def is_completed(self, session: Row) -> bool:
        rate, minutes = session["completion_rate"], self.minutes(session)
        if rate is None:
            rate = 0 if minutes is None else min(1, minutes / self.runtimes[session["movie_id"]])
        return bool(rate >= 0.85)


def month_of(instant: Any) -> date:
    local: date = instant.astimezone(ZONE).date()
    return local.replace(day=1)


def following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


@pytest.fixture(scope="module", params=[1, 2, 3])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[History, Any]:
    """A history, and a question to the marts that were built from its files."""
    folder = tmp_path_factory.mktemp(f"seed{request.param}")
    plan = Plan(seed=request.param, customers=250, months=6)
    simulation.simulate(MOVIES.name, plan, folder / "files")
    settings = load_settings(folder / "home")
    source = pipeline.From(folder / "files", None)
    pipeline.load(settings, MOVIES, source, False, lambda what, done, of: None)
    pipeline.transform(settings, MOVIES, None, lambda what, done, of: None)

    def ask(query: str) -> dict[Any, Any]:
        with duckdb.connect(str(settings.warehouse_file(MOVIES.name)), read_only=True) as connection:
            rows = connection.execute(query).fetchall()
        assert len(rows) >= plan.months
        return {row[0]: row[1] if len(row) == 2 else row[1:] for row in rows}

    return History(folder / "files"), ask


def test_viewers_of_each_month_are_those_of_the_history(told):
    history, ask = told
    viewers = defaultdict(set)
    for session in history.sessions:
        if (history.minutes(session) or 0) >= 2:
            viewers[month_of(session["start_time"])].add(session["user_id"])
    marts = ask("select month_key, mau from movie_streaming_mart.mart_engagement_monthly where mau > 0")
    assert marts == {month: len(users) for month, users in viewers.items()}


def test_completions_of_each_month_are_those_of_the_history(told):
    history, ask = told
    completions: dict[date, int] = defaultdict(int)
    for session in history.sessions:
        completions[month_of(session["start_time"])] += history.is_completed(session)
    marts = ask(
        "select month_key, sum(completed_sessions)::bigint from movie_streaming_mart.mart_user_activity_monthly group by 1"
    )
    assert marts == completions


def test_revenue_of_each_month_is_that_of_the_history(told):
    history, ask = told
    revenue: dict[date, int] = defaultdict(int)
    for payment in history.payments:
        is_completed = payment["status"].strip().lower() == "completed"
        revenue[month_of(payment["payment_date"])] += int(payment["amount"]) if is_completed else 0
    marts = ask(
        "select month_key, sum(total_amount)::bigint from movie_streaming_mart.mart_subscription_revenue_monthly group by 1"
    )
    assert marts == revenue


def test_mrr_and_customers_of_each_month_are_those_of_the_history(told):
    history, ask = told
    marts = ask(
        "select month_key, closing_mrr::bigint, closing_customers"
        " from movie_streaming_mart.mart_subscriber_movements_monthly where is_complete"
    )
    closings = {month: history.mrr(following(month)) for month in marts}
    assert marts == {month: (sum(mrr.values()), len(mrr)) for month, mrr in closings.items()}


def test_who_left_by_choice_and_who_by_a_failed_payment_is_what_the_simulator_knows(told):
    history, ask = told
    marts = ask(
        "select month_key, churned_customers_voluntary, churned_customers_involuntary"
        " from movie_streaming_mart.mart_subscriber_movements_monthly where is_complete"
    )
    churned = {month: history.churned(month) for month in marts}
    assert marts == {month: tuple(counts.values()) for month, counts in churned.items()}
    assert all(sum(counts[kind] for counts in churned.values()) for kind in ("voluntary", "involuntary"))
