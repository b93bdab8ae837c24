"""The models of movie_streaming on textbook histories reckoned here by hand, and on random ones."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from movie_histories import (
    CLOSING_DAY,
    LAST_DAY,
    MONTHS,
    Histories,
    Row,
    expected_month,
    expected_movements,
    instant,
    monthly,
    next_month,
    status_on,
    textbook,
    with_random_lives,
)
from movie_warehouse import build, fetch


@pytest.fixture(scope="module")
def told() -> Histories:
    return with_random_lives(textbook(), count=240, seed=20240710)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, told: Histories) -> Path:
    """Text keys, completion on 0-100, and every textbook history; models and tests built on them."""
    evening = instant(date(2024, 3, 31), 23)
    movies: list[Row] = [
        {"movie_id": "m1", "title": " A  title", "duration_min": 100, "genre": "Drama| comedy"}
    ]
    sessions: list[Row] = [
        {
            "session_id": "w1",
            "start_time": evening,
            "end_time": evening + timedelta(minutes=100),
            "completion_rate": 100,
        },
        {
            "session_id": "w2",
            "start_time": evening,
            "end_time": evening + timedelta(days=3),
            "completion_rate": 85,
        },
        {
            "session_id": "w3",
            "start_time": evening + timedelta(hours=2),
            "end_time": None,
            "completion_rate": 0.9,
        },
        {
            "session_id": "w4",
            "start_time": evening - timedelta(days=4),
            "end_time": evening,
            "completion_rate": 84.9,
        },
        {"session_id": "w5", "start_time": instant(CLOSING_DAY, 0), "end_time": None, "completion_rate": 50},
    ]
    sessions = [{"user_id": "new", "movie_id": "m1", "device_type": " Smart TV"} | row for row in sessions]
    return build(
        tmp_path_factory.mktemp("movie_streaming"),
        "history",
        "varchar",
        users=told.users,
        subscriptions=told.subscriptions,
        payments=told.payments,
        movies=movies,
        watch_sessions=sessions,
    )


def test_textbook_histories_have_the_movements_of_the_textbook(history: Path) -> None:
    query = """
        select user_id, strftime(month_key, '%m') as month, movement, movement_amount, churn_reason
        from movie_streaming_mart.mart_mrr_movements_monthly
        where movement != 'unchanged' and user_id not like 'random%' order by month_key
    """
    seen = defaultdict(list)
    for row in fetch(history, query):
        seen[row["user_id"]].append(
            (row["month"], row["movement"], float(row["movement_amount"]), row["churn_reason"])
        )
    begun = ("01", "new", 60.0, None)
    assert dict(seen) == {
        "unchanged": [begun],
        "new": [("04", "new", 60.0, None)],
        "expansion": [begun, ("03", "expansion", 90.0, None)],
        "contraction": [("01", "new", 150.0, None), ("03", "contraction", -90.0, None)],
        "by_choice": [begun, ("04", "churn", -60.0, "voluntary")],
        "by_failure": [begun, ("04", "churn", -60.0, "involuntary")],
        "returning": [begun, ("02", "churn", -60.0, "involuntary"), ("05", "reactivation", 60.0, None)],
        "switching": [begun],
        "two_at_once": [begun, ("02", "expansion", 100.0, None), ("05", "contraction", -100.0, None)],
        "yearly": [("01", "new", 41.6667, None)],
        "on_trial": [("02", "new", 60.0, None)],
        "inside": [("05", "reactivation", 60.0, None)],
        "on_the_first": [("12", "new", 60.0, None), ("05", "churn", -60.0, "voluntary")],
        "late": [begun, ("03", "expansion", 30.0, None)],
        "too_late": [begun, ("02", "churn", -60.0, "voluntary"), ("03", "reactivation", 60.0, None)],
        "back_at_once": [begun, ("02", "churn", -60.0, "voluntary"), ("03", "reactivation", 60.0, None)],
        "pausing": [begun, ("02", "churn", -60.0, "voluntary"), ("04", "reactivation", 60.0, None)],
    }


def test_status_plan_and_mrr_of_any_day_follow_from_the_history(history: Path, told: Histories) -> None:
    spans = defaultdict(list)
    for row in fetch(history, "select * from movie_streaming_model.fact_subscription_history"):
        spans[row["user_id"]].append(row)
    seen = set()
    for user in told.users:
        name = user["user_id"]
        own = [s for s in told.subscriptions if s["user_id"] == name and s["start_date"] <= LAST_DAY]
        for number in range((CLOSING_DAY - date(2023, 12, 31)).days + 1):
            day = date(2023, 12, 31) + timedelta(days=number)
            found = [
                (s["status"], s["subscription_id"], s["mrr"])
                for s in spans[name]
                if s["start_date"] <= day and (s["end_date"] is None or day < s["end_date"])
            ]
            expected = status_on(own, day)
            assert found == ([expected] if expected else []), f"{name} on {day}"
            seen.add(expected and expected[0])
    assert seen == {None, "trial", "active", "paused", "grace"}


def test_a_logical_subscription_lasts_as_long_as_no_day_is_without_one(
    history: Path, told: Histories
) -> None:
    found = defaultdict(list)
    query = "select * from movie_streaming_model.dim_logical_subscriptions order by start_date"
    for row in fetch(history, query):
        found[row["user_id"]].append(row)
    assert any(row["grace_days"] for rows in found.values() for row in rows)
    for user in told.users:
        name = user["user_id"]
        own = [s for s in told.subscriptions if s["user_id"] == name]
        days = [date(2024, 1, 1) + timedelta(days=n) for n in range((LAST_DAY - date(2024, 1, 1)).days + 1)]
        statuses = [(day, status_on(own, day)) for day in days]
        begun = [day for (_, before), (day, now) in pairwise([(None, None), *statuses]) if now and not before]
        assert [row["start_date"] for row in found[name]] == begun, name
        for place, row in enumerate(found[name]):
            until = begun[place + 1] if place + 1 < len(begun) else CLOSING_DAY
            lived = [now[0] for day, now in statuses if begun[place] <= day < until and now]
            counted = {kind: row[f"{kind}_days"] for kind in ("trial", "active", "paused", "grace")}
            assert counted == {kind: lived.count(kind) for kind in counted}, name
            is_over = row["end_date"] is not None and row["end_date"] <= CLOSING_DAY
            assert (row["status"] in ("payment_failed", "canceled", "expired")) == is_over
    assert [row["plan_changes"] for row in found["switching"]] == [1]
    assert [row["status"] for row in found["by_failure"]] == ["payment_failed"]


def test_trials_that_become_paid_are_counted_by_their_days(history: Path, told: Histories) -> None:
    paid = [s for s in told.subscriptions if monthly(s) > 0 and s["start_date"] != s["end_date"]]
    trials = [s for s in told.subscriptions if s.get("is_trial") and s["start_date"] <= LAST_DAY]
    days: dict[date, list[int | None]] = defaultdict(list)
    for trial in trials:
        later = [s["start_date"] for s in paid if s["user_id"] == trial["user_id"]]
        later = [day for day in later if trial["start_date"] <= day <= LAST_DAY]
        waited = (min(later) - trial["start_date"]).days if later else None
        days[trial["start_date"].replace(day=1)].append(waited)
    found = fetch(
        history, "select * from movie_streaming_mart.mart_trial_conversion_monthly order by month_key"
    )
    assert [row["month_key"] for row in found] == sorted(days)
    for row in found:
        waited = days[row["month_key"]]
        assert row["trials_started"] == len(waited)
        assert row["trials_converted"] == sum(each is not None for each in waited)
        for limit in (30, 60, 90):
            is_known = next_month(row["month_key"]) + timedelta(days=limit) <= CLOSING_DAY
            share = sum(each is not None and each <= limit for each in waited) / len(waited)
            assert row[f"conversion_rate_{limit}"] == (pytest.approx(share) if is_known else None)
    assert any(row["conversion_rate_90"] is None for row in found)
    assert any(row["conversion_rate_90"] for row in found)


def test_movements_of_every_user_equal_an_independent_reckoning(history: Path, told: Histories) -> None:
    expected = [row for row in expected_movements(told) if row["movement"] != "intra_month"]
    assert len(expected) > 300
    found = fetch(history, "select * from movie_streaming_mart.mart_mrr_movements_monthly")
    columns = list(found[0])
    assert columns == [
        *("user_id", "month_key", "opening_mrr", "movement", "movement_amount", "closing_mrr", "churn_reason")
    ]

    def key(row: Row) -> tuple[str, date]:
        return row["user_id"], row["month_key"]

    assert sorted(found, key=key) == sorted(({c: row[c] for c in columns} for row in expected), key=key)


def test_every_figure_of_every_month_equals_an_independent_reckoning(history: Path, told: Histories) -> None:
    rows = expected_movements(told)
    found = fetch(
        history, "select * from movie_streaming_mart.mart_subscriber_movements_monthly order by month_key"
    )
    assert [row["month_key"] for row in found] == MONTHS
    for row in found:
        expected = expected_month(told, row["month_key"], rows)
        assert list(row) == list(expected)
        for name, value in expected.items():
            close = pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
            actual = float(row[name]) if isinstance(value, float) else row[name]
            assert actual == close, f"{name} of {row['month_key']}"
    assert all(before["closing_mrr"] == after["opening_mrr"] for before, after in pairwise(found))
    assert any(row["mrr_at_risk"] > 0 for row in found)
    assert any(row["intra_month_customers"] for row in found)


def test_completion_on_a_scale_of_0_to_100_is_stored_on_0_to_1(history: Path) -> None:
    sessions = fetch(history, "select * from movie_streaming_model.fact_user_activity order by session_id")
    shares = {
        row["session_id"]: (pytest.approx(row["completion_rate"]), row["completed_flag"]) for row in sessions
    }
    assert shares == {"w1": (1.0, True), "w2": (0.85, True), "w3": (0.009, False), "w4": (0.849, False)}


def test_a_session_is_capped_belongs_to_its_local_day_and_ends_at_as_of(history: Path) -> None:
    sessions = fetch(history, "select * from movie_streaming_model.fact_user_activity order by session_id")
    assert [row["watch_duration_minutes"] for row in sessions] == [
        Decimal(100),
        Decimal(150),
        None,
        Decimal(150),
    ]
    assert [row["date_key"] for row in sessions][:3] == [
        date(2024, 3, 31),
        date(2024, 3, 31),
        date(2024, 4, 1),
    ]
    marts = fetch(
        history, "select * from movie_streaming_mart.mart_movie_popularity_monthly order by month_key"
    )
    assert [row["movie_month_key"] for row in marts] == ["m1_202403", "m1_202404"]
    assert [row["total_watch_count"] for row in marts] == [3, 1]
    assert [row["avg_watch_duration"] for row in marts] == [pytest.approx(Decimal("133.3333")), None]


def test_a_user_with_several_subscriptions_is_one_row(history: Path, told: Histories) -> None:
    users = fetch(history, "select * from movie_streaming_model.dim_users")
    assert len(users) == len(told.users)
    status = {row["user_id"]: row["subscription_status"] for row in users}
    assert (status["two_at_once"], status["by_choice"], status["paused"]) == ("active", "inactive", "paused")
