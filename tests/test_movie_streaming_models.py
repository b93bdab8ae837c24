"""The models of movie_streaming on their own sample, and on bare tables."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from math import sqrt
from pathlib import Path
from statistics import NormalDist, fmean, stdev

import pytest

from movie_histories import Row, instant
from movie_warehouse import build, dbt, fetch, one
from setia.movie_streaming import tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("movie_streaming")


@pytest.fixture(scope="module")
def sample(folder: Path) -> Path:
    """The project's own sample, by the three plain commands."""
    for verb in ("seed", "run", "test"):
        dbt(folder, verb)
    return folder / "warehouse.duckdb"


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


def test_completion_on_a_scale_of_0_to_1_stays(sample: Path) -> None:
    raw = "select session_id, completion_rate from movie_streaming_raw.raw_watch_sessions where completion_rate is not null"
    given = {row["session_id"]: row["completion_rate"] for row in fetch(sample, raw)}
    sessions = fetch(
        sample, "select session_id, completion_rate from movie_streaming_model.fact_user_activity"
    )
    stored = {row["session_id"]: row["completion_rate"] for row in sessions if row["session_id"] in given}
    assert len(given) == 59
    assert stored == given


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


def test_what_is_all_but_sure_of_a_title_is_what_the_textbook_says(sample: Path) -> None:
    scores = defaultdict(list)
    for row in fetch(sample, "select * from movie_streaming_model.fact_ratings where is_latest"):
        scores[row["movie_id"]].append(float(row["rating_score"]))
    found = fetch(sample, "select * from movie_streaming_mart.mart_title_ratings")
    assert {row["movie_id"] for row in found} == set(scores)
    everybody = [score for votes in scores.values() for score in votes]
    counts = sorted(map(len, scores.values()))
    place = 0.75 * (len(counts) - 1)
    low, high = counts[int(place)], counts[min(int(place) + 1, len(counts) - 1)]
    prior, z = low + (place - int(place)) * (high - low), NormalDist().inv_cdf(0.975)
    for row in found:
        votes = scores[row["movie_id"]]
        n, share = len(votes), sum(score >= 4 for score in votes) / len(votes)
        weighted = (sum(votes) + prior * fmean(everybody)) / (n + prior)
        assert row["weighted_rating"] == pytest.approx(weighted)
        error = stdev(votes) / sqrt(n) if n > 1 else None
        assert row["standard_error"] == (pytest.approx(error) if error is not None else None)
        # Wilson 1927: the roots of |p - share| = z sqrt(p (1 - p) / n)
        p = row["share_satisfied_low"]
        assert share - p == pytest.approx(z * sqrt(max(0, p * (1 - p)) / n), abs=1e-6)
