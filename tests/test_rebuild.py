"""An incremental run gives exactly what a full rebuild gives: models by month after random histories of changes."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from loaded_homes import Home, execute, make
from setia import as_of as instants
from setia import batches, pipeline, rebuild
from setia.businesses import BUSINESSES
from setia.errors import TransformError
from setia.settings import Settings
from setia.settings import load as load_settings
from setia.warehouses import connect, literal

MOVIES = BUSINESSES["movie_streaming"]
SCHEDULES = 200 if os.environ.get("SETIA_NIGHTLY") else 20
STEPS = 2
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SPAN = 500  # days
BUILT = ("preparation", "model", "mart")


# ---- dbt, its project parsed once for each way of building ------------------------------------


class Models:
    """The models of movie_streaming, built in this process on a warehouse: dbt reads its project only twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifests: dict[bool, Manifest] = {}

    def build(
        self, settings: Settings, as_of: datetime, months: list[str] | None, select: tuple[str, ...] = ()
    ) -> bool:
        """Runs the models, the whole or these months; whether all went well."""
        os.environ["SETIA_DBT_DUCKDB"] = str(settings.warehouse_file(MOVIES.name))
        variables = {"as_of": instants.text(as_of), "timezone": settings.timezone}
        variables |= {"currency": settings.currency, "rebuilt_months": months}
        if (months is None) not in self.manifests:
            self.manifests[months is None] = self.invoke(None, variables, "parse")
        manifest = self.manifests[months is None]
        chosen = ["--select", *select] if select else []
        return self.invoke(manifest, variables, "run", *chosen) is not None

    def invoke(self, manifest: Manifest | None, variables: dict[str, Any], *verb: str) -> Any:
        project = str(MOVIES.dbt_project)
        arguments = [*verb, "--quiet", "--target", "duckdb", "--vars", json.dumps(variables)]
        arguments += ["--project-dir", project, "--profiles-dir", project, "--log-level-file", "none"]
        arguments += ["--target-path", str(self.folder), "--log-path", str(self.folder)]
        done = dbtRunner(manifest=manifest).invoke(arguments)
        DuckDBConnectionManager.close_all_connections()  # it would keep the warehouse open
        return done.result if done.success else None


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    before = dict(os.environ)
    yield Models(tmp_path_factory.mktemp("dbt"))
    os.environ.clear()
    os.environ.update(before)


def transform(settings: Settings, models: Models, as_of: datetime, ends: bool = True) -> list[str] | None:
    """What `pipeline.transform` does; one that does not end well has built the first layer only."""
    with connect(settings, MOVIES.name) as connection:
        newest = batches.newest(connection, MOVIES)
        assert newest
        months = rebuild.begin(connection, MOVIES, settings, as_of, newest["batch_id"])
    assert models.build(settings, as_of, months, () if ends else ("preparation", "fact_user_activity"))
    if ends:
        with connect(settings, MOVIES.name) as connection:
            rebuild.finish(connection, MOVIES)
    return months


def assert_as_a_full_refresh(
    settings: Settings, models: Models, as_of: datetime, folder: Path, told: str
) -> None:
    """Builds everything in a copy of the warehouse, and compares every table row for row."""
    copied = load_settings(folder / "whole")
    shutil.rmtree(copied.home, ignore_errors=True)
    copied.warehouse_file(MOVIES.name).parent.mkdir(parents=True)
    shutil.copy(settings.warehouse_file(MOVIES.name), copied.warehouse_file(MOVIES.name))
    assert models.build(copied, as_of, None)
    with duckdb.connect() as connection:
        for name, home in (("ours", settings), ("theirs", copied)):
            file = literal(str(home.warehouse_file(MOVIES.name)))
            connection.execute(f"attach {file} as {name} (read_only)")
        schemas = ", ".join(literal(f"{MOVIES.name}_{layer}") for layer in BUILT)
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            f" where database_name = 'theirs' and schema_name in ({schemas}) order by 1"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            for one, other in (("ours", "theirs"), ("theirs", "ours")):
                query = f"from {one}.{table} except all from {other}.{table} limit 3"
                assert connection.execute(query).fetchall() == [], f"{table}: rows of {one} only, {told}"


# ---- random histories -------------------------------------------------------------------------


def moment(dice: random.Random, last: int = SPAN) -> str:
    """Some instant of the history as SQL; often near a local midnight or a month's end."""
    day = FIRST + timedelta(days=dice.randrange(last))
    if dice.random() < 0.3:
        day = day.replace(day=1) - timedelta(days=dice.choice((0, 1)))
    minutes = dice.choice((dice.randrange(1440), 1015, 1019, 1020, 1025))  # 17:00 UTC is midnight in Jakarta
    return literal((day + timedelta(minutes=minutes)).isoformat())


def day(dice: random.Random) -> str:
    return literal((FIRST + timedelta(days=dice.randrange(SPAN))).date().isoformat())


def insert(table: str, **values: str) -> str:
    """SQL that writes a row, replacing that of its key."""
    key = next(iter(values))
    others = ", ".join(f"{name} = excluded.{name}" for name in values if name != key)
    return (
        f"insert into movie_streaming.{table} ({', '.join(values)}) values ({', '.join(values.values())})"
        f" on conflict ({key}) do update set {others}"
    )


def session(dice: random.Random) -> str:
    start, length = moment(dice), dice.choice((1, 30, 100, 400, 9000))
    end = f"timestamptz {start} + interval '{length} minutes'" if dice.random() < 0.9 else "null"
    return insert(
        "watch_sessions",
        session_id=str(dice.randrange(80)),
        user_id=str(dice.randrange(9)),  # the last of them is never there
        movie_id=str(dice.randrange(6)),
        device_type=dice.choice(("'mobile'", "'tv'")),
        start_time=start,
        end_time=end,
        completion_rate=dice.choice(("null", "0.2", "0.9", "1")),
    )


def subscription(dice: random.Random) -> str:
    key = dice.randrange(14)
    return insert(
        "subscriptions",
        subscription_id=str(key),
        user_id=str(dice.randrange(9) if dice.random() < 0.1 else key % 9),  # another owner is rare
        plan_type="'Basic'",
        start_date=day(dice),
        end_date=dice.choice(("null", "null", day(dice))),
        price=dice.choice(("50", "100")),
        status=dice.choice(("'active'", "'active'", "'trial'", "'paused'")),
    )


WRITES: list[Callable[[random.Random], str]] = [
    session, session, session, session, subscription,
    lambda dice: insert("users", user_id=str(dice.randrange(8)), join_date=dice.choice(("'2023-12-01'", day(dice)))),
    lambda dice: insert("movies", movie_id=str(dice.randrange(6)), duration_min=dice.choice(("60", "120", "5990")),
                        genre=dice.choice(("'Drama'", "'Drama|Comedy'")), license_cost=dice.choice(("null", "900")),
                        available_from=dice.choice(("null", day(dice))), available_to=dice.choice(("null", day(dice)))),
    lambda dice: insert("payments", payment_id=str(dice.randrange(20)), user_id="null",
                        subscription_id=str(dice.randrange(14)), amount=dice.choice(("50", "100")),
                        payment_date=moment(dice), status=dice.choice(("'completed'", "'completed'", "'failed'"))),
    lambda dice: insert("ratings", rating_id=str(dice.randrange(20)), user_id=str(dice.randrange(8)),
                        movie_id=str(dice.randrange(6)), rating_score=dice.choice(("1", "4.5")), rating_date=moment(dice)),
    lambda dice: f"delete from movie_streaming.watch_sessions where session_id % 7 = {dice.randrange(7)}",
    lambda dice: f"update movie_streaming.payments set refunded_amount = 5 where payment_id = {dice.randrange(20)}",
    lambda dice: f"delete from movie_streaming.payments where payment_id = {dice.randrange(20)}",
    lambda dice: f"delete from movie_streaming.movies where movie_id = {dice.randrange(60)}",
    lambda dice: f"delete from movie_streaming.users where user_id = {dice.randrange(8)}",
    lambda dice: f"delete from movie_streaming.subscriptions where subscription_id = {dice.randrange(14)}",
]  # fmt: skip


def writes(dice: random.Random, count: int) -> list[str]:
    return [dice.choice(WRITES)(dice) for _ in range(count)]


def everybody() -> list[str]:
    users = [insert("users", user_id=str(key), join_date="'2023-12-01'") for key in range(8)]
    titles = [insert("movies", movie_id=str(key), duration_min="120", genre="'Drama'") for key in range(6)]
    return users + titles


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_any_increments_of_any_history_leave_what_a_full_refresh_leaves(
    dsn, monkeypatch, tmp_path, models, seed
):
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    dice, home = random.Random(seed), Home(tmp_path / "home", MOVIES)
    settings = load_settings(home.path)
    make(dsn, bool(seed % 2), *everybody(), *writes(dice, 90), business=MOVIES)
    as_of = FIRST + timedelta(days=dice.randrange(SPAN // 2, SPAN))
    home.load()
    assert transform(settings, models, as_of) is None
    partly = 0
    for step in range(STEPS):
        for _ in range(dice.choice((1, 1, 2))):
            execute(dsn, *writes(dice, dice.choice((0, 1, 2, 5))))
            home.load(full=dice.random() < 0.2)
        as_of += timedelta(hours=dice.choice((0, 5, 24, 24 * 20, -24 * 9)))
        if dice.random() < 0.3:  # a build that was killed, as of another instant
            transform(
                settings, models, as_of + timedelta(hours=dice.choice((0, 24 * 40, -24 * 30))), ends=False
            )
        months = transform(settings, models, as_of)
        partly += months is not None
        assert_as_a_full_refresh(settings, models, as_of, tmp_path, f"step {step}, months {months}")
    assert partly


# ---- what a transform rebuilds -----------------------------------------------------------------


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
    make(dsn, True, *everybody(), *plays, business=MOVIES)
    home = Home(tmp_path / "home", MOVIES)
    home.load()
    assert begin(home) is None
    end(home)
    return home


def begin(home: Home, as_of: str = "2024-05-15") -> list[str] | None:
    settings = load_settings(home.path)
    with connect(settings, MOVIES.name) as connection:
        newest = batches.newest(connection, MOVIES)
        assert newest
        return rebuild.begin(
            connection,
            MOVIES,
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


def pay(
    status: str = "completed", refunded: int = 0, owner: int = 1, paid_at: str = "2024-01-31T17:00Z"
) -> list[str]:
    period = {"user_id": str(owner), "plan_type": "'Basic'", "start_date": "'2024-01-01'", "price": "50"}
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
    assert begin(home) == ["2024-01-01", "2024-02-01", "2024-05-01", "2024-06-01"]
    end(home)
    execute(dsn, *pay("failed", refunded=20, paid_at="2024-01-31T16:59Z", owner=2))  # just as it was deleted
    home.load()
    assert begin(home) == ["2024-01-01", "2024-02-01", "2024-05-01", "2024-06-01"]


def test_all_months_between_two_instants_are_rebuilt_whichever_is_later(home):
    assert begin(home, "2024-07-02") == ["2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01"]
    end(home)
    assert begin(home, "2024-06-30") == ["2024-06-01", "2024-07-01", "2024-08-01"]


def test_what_a_failed_build_left_behind_is_rebuilt(dsn, home):
    execute(dsn, "delete from movie_streaming.watch_sessions where session_id = 2")
    home.load()
    begin(home, "2024-08-15")
    assert begin(home) == [f"2024-0{month}-01" for month in (2, 3, 5, 6, 7, 8, 9)]


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
