"""The models of movie_streaming, on its sample, on textbook histories reckoned here by hand, and on bare tables."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from movie_histories import (
    AS_OF,
    CLOSING_DAY,
    MONTHS,
    Histories,
    Row,
    expected_month,
    expected_movements,
    instant,
    textbook,
    with_random_lives,
)
from setia.movie_streaming import tables

PROJECT = Path(tables.__file__).parent / "dbt"
TYPES = {
    "string": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,4)",
    "float": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}


def dbt(folder: Path, *arguments: str) -> None:
    """Run dbt on the real project, writing under `folder` only; fails the test with dbt's last words."""
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    warehouse = str(folder / "warehouse.duckdb")
    places = {"SETIA_DBT_SAMPLE": warehouse, "SETIA_DBT_DUCKDB": warehouse}
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True)
    assert done.returncode == 0, "\n".join(done.stdout.splitlines()[-40:])


def build(folder: Path, name: str, key: str, **rows: list[Row]) -> Path:
    """A warehouse of raw rows with every model built on them and every test passed."""
    folder = folder / "duckdb"
    folder.mkdir(exist_ok=True)
    warehouse = folder / "warehouse.duckdb"  # one path for all: dbt parses again when a profile changes
    write_raw(warehouse, key, **rows)
    key_types = {table.key: "string" if key == "varchar" else "int64" for table in tables.TABLES}
    dbt(folder, "build", "--target", "duckdb", "--vars", json.dumps({"as_of": AS_OF, "key_types": key_types}))
    return warehouse.rename(folder / f"{name}.duckdb")


def write_raw(warehouse: Path, key: str, **rows: list[Row]) -> None:
    """All raw tables as the loader makes them, with the given rows; what a row lacks is NULL."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema movie_streaming_raw")
        for table in tables.TABLES:
            columns = [f"{c.name} {key if c.type == 'key' else TYPES[c.type]}" for c in table.columns]
            columns += ["_loaded_at timestamptz", "_batch_id bigint", "_deleted_at timestamptz"]
            name = f"movie_streaming_raw.{table.raw}"
            connection.execute(f"create table {name} ({', '.join(columns)})")
            if rows.get(table.name):
                names = sorted({column for row in rows[table.name] for column in row})
                content = [{column: row.get(column) for column in names} for row in rows[table.name]]
                connection.register("given", pa.Table.from_pylist(content))
                connection.execute(f"insert into {name} by name select * from given")
                connection.unregister("given")


def fetch(warehouse: Path, query: str) -> list[Row]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(query).to_arrow_table().to_pylist()


def one(warehouse: Path, query: str) -> Any:
    (row,) = fetch(warehouse, query)
    return next(iter(row.values()))


# --- fixtures -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("movie_streaming")


@pytest.fixture(scope="module")
def sample(folder: Path) -> Path:
    """The project's own sample, by the three plain commands."""
    for verb in ("seed", "run", "test"):
        dbt(folder, verb)
    return folder / "warehouse.duckdb"


@pytest.fixture(scope="module")
def told() -> Histories:
    return with_random_lives(textbook(), count=240, seed=20240710)


@pytest.fixture(scope="module")
def history(folder: Path, told: Histories) -> Path:
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
        folder,
        "history",
        "varchar",
        users=told.users,
        subscriptions=told.subscriptions,
        payments=told.payments,
        movies=movies,
        watch_sessions=sessions,
    )


# --- the promises ---------------------------------------------------------------------------------------


def test_the_sample_shows_every_kind_of_movement_and_both_reasons_of_churn(sample: Path) -> None:
    rows = fetch(
        sample, "select distinct movement, churn_reason from movie_streaming_mart.mart_mrr_movements_monthly"
    )
    assert {row["movement"] for row in rows} == {
        "new",
        "expansion",
        "contraction",
        "churn",
        "reactivation",
        "unchanged",
    }
    assert {row["churn_reason"] for row in rows} == {None, "voluntary", "involuntary"}


def test_the_sample_is_clean_after_the_first_layer(sample: Path) -> None:
    users = fetch(sample, "select * from movie_streaming_preparation.prep_users order by user_id")
    assert [user["name"] for user in users][1:5] == [
        "Budi Santoso",
        "Dewi Lestari",
        "Agus Wijaya",
        "Rina McDonald",
    ]
    assert {user["user_id"] for user in users if not user["has_valid_email"]} == {4, 6}
    devices = fetch(sample, "select distinct device_type from movie_streaming_model.fact_user_activity")
    assert {row["device_type"] for row in devices} == {"mobile", "smart_tv", "desktop", "tablet"}


def test_people_are_named_in_the_first_layer_only(sample: Path) -> None:
    personal = {column.name for table in tables.TABLES for column in table.columns if column.personal}
    query = """
        select column_name from information_schema.columns
        where table_schema in ('movie_streaming_model', 'movie_streaming_mart')
    """
    columns = {row["column_name"] for row in fetch(sample, query)}
    assert len(columns) > 20
    assert len(personal) == 3
    assert not columns & personal


def test_only_completed_payments_are_revenue(sample: Path) -> None:
    total = one(
        sample, "select sum(total_amount) from movie_streaming_mart.mart_subscription_revenue_monthly"
    )
    by_status = {
        row["status"]: row["amount"]
        for row in fetch(
            sample,
            "select lower(trim(status)) as status, sum(amount) as amount from movie_streaming_raw.raw_payments group by 1",
        )
    }
    assert set(by_status) == {"completed", "failed", "pending"}
    assert total == by_status["completed"]


def test_viewers_of_a_month_are_people_not_a_sum_of_days(sample: Path) -> None:
    months = fetch(
        sample,
        """
        select marts.movie_month_key, marts.unique_viewers, count(distinct sessions.user_id) as people, marts.total_watch_count,
            count(*) as sessions, (
                select sum(days.unique_viewers) from movie_streaming_model.fact_movie_popularity as days
                where days.movie_id = marts.movie_id and date_trunc('month', days.date_key) = marts.month_key
            ) as viewer_days
        from movie_streaming_mart.mart_movie_popularity_monthly as marts
        join movie_streaming_raw.raw_watch_sessions as sessions
            on sessions.movie_id = marts.movie_id
            and date_trunc('month', sessions.start_time at time zone 'Asia/Jakarta') = marts.month_key
        group by all
        """,
    )
    assert months
    assert all(row["unique_viewers"] == row["people"] for row in months)
    assert all(row["total_watch_count"] == row["sessions"] for row in months)
    assert any(row["unique_viewers"] < row["viewer_days"] for row in months), (
        "the sample no longer shows the trap"
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
    }


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


def test_completion_on_a_scale_of_0_to_1_stays(sample: Path) -> None:
    raw = "select session_id, completion_rate from movie_streaming_raw.raw_watch_sessions where completion_rate is not null"
    given = {row["session_id"]: row["completion_rate"] for row in fetch(sample, raw)}
    sessions = fetch(
        sample, "select session_id, completion_rate from movie_streaming_model.fact_user_activity"
    )
    stored = {row["session_id"]: row["completion_rate"] for row in sessions if row["session_id"] in given}
    assert len(given) == 59
    assert stored == given


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


def test_models_build_when_a_source_has_titles_and_ratings_only(folder: Path) -> None:
    users: list[Row] = [{"user_id": number, "join_date": date(2024, 1, number)} for number in (1, 2)]
    movies: list[Row] = [{"movie_id": 1, "title": "A title", "genre": "Drama"}]
    ratings: list[Row] = [
        {
            "rating_id": 1,
            "user_id": 1,
            "movie_id": 1,
            "rating_score": Decimal(2),
            "rating_date": instant(date(2024, 2, 1)),
        },
        {
            "rating_id": 2,
            "user_id": 1,
            "movie_id": 1,
            "rating_score": Decimal(5),
            "rating_date": instant(date(2024, 2, 9)),
        },
        {
            "rating_id": 3,
            "user_id": 2,
            "movie_id": 1,
            "rating_score": Decimal(4),
            "rating_date": instant(date(2024, 2, 9)),
        },
    ]
    warehouse = build(folder, "bare", "bigint", users=users, movies=movies, ratings=ratings)
    assert one(warehouse, "select count(*) from movie_streaming_mart.mart_subscriber_movements_monthly") == 0
    (month,) = fetch(warehouse, "select * from movie_streaming_mart.mart_movie_rating_monthly")
    assert (month["avg_rating"], month["total_ratings"], month["unique_raters"]) == (Decimal("4.5"), 3, 2)
    flags = fetch(
        warehouse, "select is_latest, has_watched from movie_streaming_model.fact_ratings order by rating_id"
    )
    assert [row["is_latest"] for row in flags] == [False, True, True]
    assert {row["has_watched"] for row in flags} == {None}, "without sessions nobody knows who watched"
