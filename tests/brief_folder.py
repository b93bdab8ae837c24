"""Rows shaped as the brief's own tables, column for column: what the tests of such folders share."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from conftest import write_csv
from loaded_homes import Home, end
from setia.businesses import BUSINESSES

MOVIES = BUSINESSES["movie_streaming"]
JAKARTA = ZoneInfo("Asia/Jakarta")
Rows = dict[str, list[dict[str, Any]]]


def brief(seed: int = 4) -> Rows:
    """The brief's six tables, column for column, with what real exports do to them."""
    dice = random.Random(seed)
    users = [
        {"user_id": key, "name": f"User {key}", "email": f"u{key}@example.com", "country": "Indonesia"}
        | {"city": "Jakarta", "join_date": "2024-01-01", "subscription_ststus": "active"}
        for key in range(1, 61)
    ]
    movies = [
        {"movie_id": key, "title": f"Title {key}", "genre": "Drama", "release_year": 2000 + key}
        | {"duration_min": 100, "language": "id"}
        for key in range(1, 13)
    ]
    subscriptions = [
        {"subscription_id": key, "plan_type": dice.choice(["Basic", "Premium"])}
        | {"start_date": f"2024-0{dice.randint(1, 4)}-{dice.randint(1, 28):02}", "end_date": ""}
        | {"price": dice.choice([54000, 120000]), "status": "active"}
        for key in range(1, 81)
    ]
    payments = []
    for key in range(1, 221):
        # Of 71 to 80 nobody pays; every ninth is paid by two.
        subscription = dice.randint(1, 70)
        payer = subscription % 60 + 1 if subscription % 9 else dice.choice([1, 2])
        payments.append(
            {"payment_id": key, "user_id": payer, "subscription_id": subscription, "method": "gopay"}
            | {"amount": 54000, "status": dice.choice(["completed", "completed", "failed", "pending"])}
        )
    ratings = [
        {
            "rating_id": key,
            "user_id": key,
            "movie_id": dice.randint(1, 12),
            "rating_score": dice.randint(1, 5),
        }
        | {"rating_date": f"2024-05-{dice.randint(1, 28):02} 09:00:00", "review_text": "ok"}
        for key in range(1, 41)
    ]
    return {
        "users": users,
        "movies": movies,
        "subscriptions": subscriptions,
        "payments": payments,
        "ratings": ratings,
        "watch_sessions": [session(key, dice) for key in range(1, 401)],
    }


def session(key: int, dice: random.Random) -> dict[str, Any]:
    """A session that begins, by the clock of Jakarta, just before or after the midnight between two months."""
    month = dice.randint(2, 6)
    start = datetime(2024, month, 1) + timedelta(minutes=dice.randint(-600, 600))
    return {
        "session_id": key,
        "user_id": dice.randint(1, 60),
        "movie_id": dice.randint(1, 12),
        "device_type": "mobile",
        "start_time": start.isoformat(sep=" "),
        "end_time": (start + timedelta(minutes=50)).isoformat(sep=" "),
        "completion_rate": dice.choice([0, 0.5, 40, 89.5, 90, 95, 100]),
    }


def payers(payments: list[dict[str, Any]]) -> dict[Any, set[Any]]:
    """Who pays each subscription."""
    found = defaultdict(set)
    for row in payments:
        found[row["subscription_id"]].add(row["user_id"])
    return found


def small(**tables: list[dict[str, Any]]) -> Rows:
    """Two users and a title, each table's rows cut down to what matters."""
    rows = brief()
    found = {"users": rows["users"][:3], "movies": rows["movies"][:1]}
    for name, given_rows in tables.items():
        found[name] = [rows[name][0] | row for row in given_rows]
    return found


def sub(key: Any, **more: Any) -> dict[str, Any]:
    return {"subscription_id": key} | more


def paid(key: Any, subscription: Any, user: Any, **more: Any) -> dict[str, Any]:
    return {"payment_id": key, "subscription_id": subscription, "user_id": user} | more


DATED = {"payment_date": "2024-02-01 10:00:00"}


def as_one_load(home: Home, tmp_path: Path, rows: Rows) -> bool:
    """Whether the home ends as one load of everything into an empty home, and a full load leaves it so."""
    folder, fresh = write_csv(tmp_path / "all", rows), Home(tmp_path / "fresh", MOVIES)
    fresh.load(folder, reconciled=True)
    before = end(home)
    home.load(folder, full=True, reconciled=True)
    return before == end(fresh) == end(home)


def stated(assumptions: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Assumptions by table and column."""
    return {(one["table"], one["column"]): one for one in assumptions}
