"""Which months a transform rebuilds: those that loads noted, and those that lie between two instants."""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from loaded_homes import Home, execute, make
from movie_writes import everybody, insert
from setia import batches, pipeline, rebuild
from setia.businesses import BUSINESSES
from setia.errors import TransformError
from setia.schema import Business
from setia.settings import load as load_settings
from setia.warehouses import connect, literal

MOVIES = BUSINESSES["movie_streaming"]


@pytest.fixture
def home(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """A home that was loaded and transformed as of the middle of May."""
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    plays = [
        insert(
            "watch_sessions",
            session_id=str(n),
            user_id="1",
            movie_id=str(n % 2),
            start_time=f"'2024-0{n}-10'",
        )
        for n in range(1, 6)
    ]
    plays.append(
        insert("watch_sessions", session_id="6", user_id="2", movie_id="1", start_time="'2024-05-11'")
    )
    make(dsn, True, *everybody(), *plays, business=MOVIES)
    home = Home(tmp_path / "home", MOVIES)
    home.load()
    assert begin(home) is None
    end(home)
    return home


def begin(home: Home, as_of: str = "2024-05-15", business: Business = MOVIES) -> list[str] | None:
    """The months to rebuild."""
    rebuilt = begun(home, as_of, business)
    return rebuilt and rebuilt.months


def begun(home: Home, as_of: str = "2024-05-15", business: Business = MOVIES) -> rebuild.Rebuilt | None:
    settings = load_settings(home.path)
    with connect(settings, MOVIES.name) as connection:
        newest = batches.newest(connection, MOVIES)
        assert newest
        return rebuild.begin(
            connection,
            business,
            settings,
            datetime.fromisoformat(as_of + "T00:00:00+00:00"),
            newest["batch_id"],
        )


def end(home: Home) -> None:
    with connect(load_settings(home.path), MOVIES.name) as connection:
        connection.execute("create schema if not exists movie_streaming_mart")
        connection.execute(
            "create or replace table movie_streaming_mart.mart_content_value as select distinct movie_id,"
            " cast(date_trunc('month', start_time) as date) as month_key from movie_streaming_raw.raw_watch_sessions"
        )
        connection.execute(
            "create schema if not exists movie_streaming_model; create or replace table"
            " movie_streaming_model.fact_licence_costs_monthly (movie_id bigint, month_key date);"
            "create or replace table movie_streaming_mart.mart_title_premieres as select movie_id,"
            " cast(date_trunc('month', available_from + 27) as date) as month_key from movie_streaming_raw.raw_movies"
            " where available_from is not null"
        )
        rebuild.finish(connection, MOVIES)


def test_without_changes_the_running_month_is_rebuilt_and_what_begins_in_it(home):
    assert begin(home) == ["2024-05-01", "2024-06-01"]


def test_a_changed_session_is_rebuilt_in_its_old_month_and_its_new(dsn, home):
    execute(dsn, "update movie_streaming.watch_sessions set start_time = '2024-03-20' where session_id = 1")
    home.load()
    assert begin(home) == [f"2024-0{month}-01" for month in (1, 2, 3, 4, 5, 6)]


def test_days_are_those_of_the_rows_and_those_that_time_moved_over(dsn, home):
    execute(dsn, "update movie_streaming.watch_sessions set start_time = '2024-03-20' where session_id = 1")
    execute(dsn, "update movie_streaming.watch_sessions set start_time = '2024-03-21' where session_id = 2")
    home.load()
    rebuilt = begun(home, "2024-05-17")
    assert rebuilt is not None
    assert rebuilt.days == [
        ("2024-01-10", "2024-01-11"),
        ("2024-02-10", "2024-02-11"),
        ("2024-03-20", "2024-03-22"),
        ("2024-05-15", "2024-05-18"),
    ]


def test_days_that_are_too_scattered_are_looked_for_by_whole_months(dsn, home):
    some = [
        insert(
            "watch_sessions",
            session_id=f"1{n}",
            user_id="1",
            movie_id="1",
            start_time=f"'2024-01-01'::date + {2 * n}",
        )
        for n in range(rebuild.SPANS)
    ]
    execute(dsn, *some)
    home.load()
    rebuilt = begun(home)
    assert rebuilt is not None
    assert rebuilt.days == [("2024-01-01", "2024-04-01"), ("2024-05-01", "2024-06-01")]


def test_the_thirty_days_before_the_first_of_march_begin_in_january(dsn, home):
    execute(
        dsn, insert("watch_sessions", session_id="9", user_id="1", movie_id="1", start_time="'2023-01-31'")
    )
    home.load()
    months = begin(home)
    assert months is not None
    assert months[:3] == ["2023-01-01", "2023-02-01", "2023-03-01"]


def test_months_that_a_load_noted_in_another_zone_rebuild_everything(dsn, home, monkeypatch):
    monkeypatch.setenv("SETIA_TIMEZONE", "Pacific/Auckland")
    execute(
        dsn,
        insert("watch_sessions", session_id="9", user_id="1", movie_id="1", start_time="'2024-02-29T12:00Z'"),
    )
    home.load()
    monkeypatch.delenv("SETIA_TIMEZONE")
    assert begin(home) is None


def test_notes_of_an_earlier_setia_rebuild_everything_and_then_nothing_more(dsn, home):
    home.tamper("alter table movie_streaming_raw._changes drop column zone")
    assert begin(home) is None
    end(home)
    assert begin(home) == ["2024-05-01", "2024-06-01"]
    home.tamper("alter table movie_streaming_raw._changes rename day to month_key")
    execute(dsn, "delete from movie_streaming.watch_sessions where session_id = 2")
    home.load()
    assert begin(home) is None


def test_a_deleted_session_is_rebuilt_without_it(dsn, home):
    execute(dsn, "delete from movie_streaming.watch_sessions where session_id = 2")
    home.load()
    assert begin(home) == ["2024-02-01", "2024-03-01", "2024-05-01", "2024-06-01"]


def test_sessions_that_lose_their_user_are_rebuilt_without_them(dsn, home):
    execute(dsn, "delete from movie_streaming.users where user_id = 1")
    home.load()
    assert begin(home) == [f"2024-0{month}-01" for month in range(1, 7)]


def test_a_changed_title_is_rebuilt_where_it_was_watched(dsn, home):
    execute(dsn, "update movie_streaming.movies set duration_min = 90 where movie_id = 0")
    home.load()
    assert begin(home) == ["2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"]


def test_a_licence_is_rebuilt_where_it_costs_something(dsn, home):
    window = "license_cost = 90, available_from = '2024-02-29', available_to = '2030-01-01'"
    execute(dsn, f"update movie_streaming.movies set {window} where movie_id = 5")
    home.load()
    assert begin(home) == [f"2024-0{month}-01" for month in (2, 3, 4, 5, 6)]


def test_a_licence_is_rebuilt_where_an_unfinished_build_has_left_it(dsn, home):
    home.tamper("insert into movie_streaming_model.fact_licence_costs_monthly values (5, '2023-10-01')")
    execute(dsn, "update movie_streaming.movies set license_cost = 90 where movie_id = 5")
    home.load()
    assert begin(home) == ["2023-10-01", "2023-11-01", "2024-05-01", "2024-06-01"]


def users(home: Home, condition: str = "true") -> set[int]:
    begin(home)
    with connect(load_settings(home.path), MOVIES.name, read_only=True) as connection:
        query = f"select user_id from movie_streaming_raw._rebuilt_users where {condition}"
        rebuilt = connection.execute(query).fetchall()
    end(home)
    return {user for (user,) in rebuilt}


def pay(
    status: str = "completed",
    refunded: int = 0,
    owner: int = 1,
    paid_at: str = "2024-01-31T17:00Z",
    ends: str = "null",
) -> list[str]:
    period = {"user_id": str(owner), "plan_type": "'Basic'", "start_date": "'2024-01-01'", "price": "50"}
    period |= {"end_date": ends}
    payment = {"amount": "50", "payment_date": literal(paid_at), "status": literal(status)}
    return [
        insert("subscriptions", subscription_id="1", **period, status="'active'"),
        insert("payments", payment_id="1", subscription_id="1", **payment, refunded_amount=str(refunded)),
    ]


def test_a_payment_is_rebuilt_in_its_months_a_refund_in_none_and_another_owner_in_all(dsn, home):
    execute(dsn, *pay())
    home.load()
    begin(home)
    end(home)
    execute(dsn, *pay("failed"))
    home.load()
    assert begin(home) == ["2024-02-01", "2024-03-01", "2024-05-01", "2024-06-01"]
    end(home)
    execute(dsn, *pay("failed", refunded=20))
    home.load()
    assert begin(home) == ["2024-05-01", "2024-06-01"]
    end(home)
    execute(dsn, *pay("failed", refunded=20, paid_at="2024-01-31T16:59Z"))
    home.load()
    assert begin(home) == [f"2024-0{month}-01" for month in (1, 2, 3, 5, 6)]
    end(home)
    execute(dsn, *pay("failed", refunded=20, paid_at="2024-01-31T16:59Z", owner=2))
    home.load()
    assert begin(home) is None
    end(home)
    execute(dsn, "delete from movie_streaming.payments")
    home.load(full=True)
    assert begin(home) == [f"2024-0{month}-01" for month in (1, 2, 3, 5, 6)]
    end(home)
    execute(dsn, *pay("failed", refunded=20, paid_at="2024-01-31T16:59Z", owner=2))  # just as it was deleted
    home.load()
    assert begin(home) == [f"2024-0{month}-01" for month in (1, 2, 3, 5, 6)]


def test_users_are_rebuilt_whose_rows_changed_and_whom_time_moves(dsn, home):
    execute(
        dsn,
        *pay(),
        insert(
            "ratings", rating_id="1", user_id="3", movie_id="1", rating_score="4", rating_date="'2024-02-05'"
        ),
    )
    home.load()
    assert users(home) == {1, 3}
    assert users(home) == {1}
    execute(dsn, *pay(ends="'2024-03-01'"))
    home.load()
    assert users(home) == {1}
    assert users(home) == set()
    execute(dsn, *pay(ends="'2024-03-01'", refunded=20))
    home.load()
    assert users(home) == {1}
    begin(home, "2024-03-01")
    assert users(home) == {1}
    begin(home, "2024-02-05")
    assert users(home) == {1, 3}
    execute(dsn, "delete from movie_streaming.ratings")
    home.load(full=True)
    assert users(home) == {3}


def test_a_late_renewal_reaches_back_by_less_than_is_looked_at():
    project = yaml.safe_load((MOVIES.dbt_project / "dbt_project.yml").read_text())
    assert 0 < project["vars"]["grace_days"] + 1 < rebuild.LOOK_BACK.days


def test_the_past_of_a_user_is_rebuilt_whole_when_something_changed_in_it(dsn, home):
    execute(dsn, *pay(paid_at="2024-03-31T16:59Z"))
    home.load()
    begin(home)
    end(home)
    ended = {"paid_at": "2024-03-31T17:00Z", "ends": "'2024-04-01'"}
    for changed, whole in [
        (pay("failed", paid_at="2024-03-31T16:59Z")[1:], {1}),  # the last of March in Jakarta
        (pay("failed", paid_at="2024-03-31T17:00Z")[1:], {1}),  # it was in March
        (pay("completed", paid_at="2024-03-31T17:00Z")[1:], set()),
        (pay(**ended), {1}),
        (pay("failed", **ended)[1:], {1}),  # tells why it ended in March
    ]:
        execute(dsn, *changed)
        home.load()
        assert users(home, "is_whole") == whole, changed


def test_all_months_between_two_instants_are_rebuilt_whichever_is_later(home):
    assert begin(home, "2024-07-02") == ["2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01"]
    end(home)
    assert begin(home, "2024-06-30") == ["2024-06-01", "2024-07-01", "2024-08-01"]


def test_what_a_failed_build_left_behind_is_rebuilt(dsn, home):
    execute(dsn, "delete from movie_streaming.watch_sessions where session_id = 2")
    home.load()
    begin(home, "2024-08-15")
    assert begin(home) == [f"2024-0{month}-01" for month in (2, 3, 5, 6, 7, 8, 9)]


def test_a_build_knows_the_instants_and_the_batch_of_those_since_the_last_good_one(dsn, home):
    def since() -> dict[str, object]:
        with connect(load_settings(home.path), MOVIES.name) as connection:
            return rebuild.since(connection, MOVIES)

    execute(dsn, "delete from movie_streaming.watch_sessions where session_id = 2")
    home.load()
    begin(home, "2024-08-15")
    begin(home, "2024-06-01")
    assert since() == {
        "batch_id": 1,
        "earliest": "2024-05-15 00:00:00+00:00",
        "latest": "2024-08-15 00:00:00+00:00",
    }
    end(home)
    begin(home, "2024-06-02")
    assert since() == {
        "batch_id": 2,
        "earliest": "2024-06-01 00:00:00+00:00",
        "latest": "2024-06-02 00:00:00+00:00",
    }


def test_another_zone_or_another_scale_rebuilds_everything(dsn, home, monkeypatch):
    monkeypatch.setenv("SETIA_TIMEZONE", "UTC")
    assert begin(home) is None
    monkeypatch.delenv("SETIA_TIMEZONE")
    assert begin(home) is None  # the one before did not end
    end(home)
    assert begin(home) is not None
    end(home)
    execute(dsn, "update movie_streaming.watch_sessions set completion_rate = 0.8")
    home.load()
    assert begin(home) is None


def test_another_model_rebuilds_everything_and_what_dbt_leaves_beside_it_nothing(home, tmp_path):
    package = shutil.copytree(
        MOVIES.folder.parent, tmp_path / "setia", ignore=shutil.ignore_patterns("target", "logs")
    )
    business = replace(MOVIES, folder=package / "movie_streaming")
    compiled = business.dbt_project / "target" / "compiled" / "schema.yml"
    compiled.mkdir(parents=True)
    (compiled / "a_test.sql").write_text("select 1")
    assert begin(home, business=business) is not None
    end(home)
    with (business.dbt_project / "models" / "mart" / "mart_cohort_retention_monthly.sql").open("a") as model:
        model.write("\n")
    assert begin(home, business=business) is None


def test_a_full_load_that_changes_nothing_rebuilds_nothing_more(home):
    home.load(full=True)
    assert begin(home) == ["2024-05-01", "2024-06-01"]


def test_a_transform_that_fails_leaves_its_months_to_the_next(dsn, home):
    settings = load_settings(home.path)
    home.tamper(
        "insert into movie_streaming_raw.raw_users from movie_streaming_raw.raw_users where user_id = 1"
    )
    with pytest.raises(TransformError, match="unique_prep_users_user_id"):
        pipeline.transform(settings, MOVIES, "2024-08-15", lambda what, done, of: None)
    assert begin(home) == [f"2024-0{month}-01" for month in (5, 6, 7, 8, 9)]
