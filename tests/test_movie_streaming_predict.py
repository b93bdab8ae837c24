"""`setia predict movie_streaming`: beside the hazard that the simulator knows, on planted leaks, and on next to nothing."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
import pyarrow.parquet as pq
import pytest

from loaded_homes import Home
from setia import pipeline, simulation
from setia import publish as publishing
from setia.businesses import BUSINESSES
from setia.errors import PredictionError
from setia.movie_streaming import simulate
from setia.movie_streaming.predict import NO_AND_YES, UNKNOWN, WORDS
from setia.movie_streaming.snapshots import FEATURES, GAP_DAYS
from setia.plan import Plan
from setia.predict import Prediction
from setia.prediction.back_test import area, quality
from setia.settings import load as load_settings
from setia.warehouses import connect

MOVIES = BUSINESSES["movie_streaming"]
PLAN = Plan(seed=11, customers=24_000, months=18)
LATE_DAYS = 45
SCORES = "movie_streaming_ml.ml_user_scores"


def quiet(*_: object) -> None:
    """No progress."""


def predict(home: Home, retrain: bool = False) -> Prediction:
    return pipeline.predict(load_settings(home.path), MOVIES, quiet, retrain)


def built(folder: Path, plan: Plan, as_of: str | None = None) -> Home:
    simulation.simulate("movie_streaming", plan, folder / "files")
    home = Home(folder / "home", MOVIES)
    home.load(folder / "files")
    pipeline.transform(load_settings(home.path), MOVIES, as_of, quiet)
    return home


@dataclass(frozen=True)
class Service:
    home: Home
    folder: Path
    first: Prediction


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = tmp_path_factory.mktemp("service")
    home = built(folder, PLAN)
    return Service(home, folder, predict(home))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = built(tmp_path_factory.mktemp("small"), Plan(seed=5, customers=1500, months=9))
    predict(home)
    return home


def endings() -> tuple[np.ndarray, np.ndarray]:
    """Who leaves after the data end, and how many days after the last known one."""
    until = simulation.midnight(PLAN.end + timedelta(days=LATE_DAYS))
    later = simulate.truth(PLAN, simulation.replay(simulate, PLAN, until, quiet))["endings"]
    days = np.array(later["ended_on"].to_pylist(), dtype="datetime64[D]") - np.datetime64(PLAN.end)
    return later["user_id"].to_numpy(), days.astype(int) + 1


def test_chances_rank_who_leaves_nearly_as_well_as_the_true_hazard_and_are_calibrated(service):
    with duckdb.connect(
        str(service.home.path / "warehouse" / "movie_streaming.duckdb"), read_only=True
    ) as warehouse:
        truth = service.folder / "files" / "ground_truth" / "customers.parquet"
        rows = warehouse.execute(
            f"select user_id, churn_chance, involuntary_chance, coalesce(churn_hazard_30d, 0) as hazard"
            f" from {SCORES} join read_parquet('{truth}') using (user_id) order by user_id"
        ).fetchnumpy()
    users, days = endings()
    gone = {user for user, day in zip(users, days, strict=True) if 0 < day <= GAP_DAYS}
    leavers = {user for user, day in zip(users, days, strict=True) if GAP_DAYS < day <= GAP_DAYS + 30}
    there = np.array([user not in gone for user in rows["user_id"]])
    left = np.array([user in leavers for user in rows["user_id"]])[there]
    assert left.sum() > 500
    ours, oracle = area(rows["churn_chance"][there], left), area(rows["hazard"][there], left)
    assert ours is not None
    assert oracle is not None
    assert ours >= 0.95 * oracle
    assert quality(rows["churn_chance"][there], left).calibration_error <= 0.03


def test_the_model_is_judged_beside_simple_scores_and_used_because_it_is_best(service):
    rows = service.home.ask(
        "select method, is_used, avg(log_loss) from movie_streaming_ml.ml_churn_quality group by all"
    )
    assert {method for method, _, _ in rows} == {"model", "recency", "rules", "renewals"}
    assert [method for method, used, _ in rows if used] == [min(rows, key=lambda row: row[2])[0]]
    assert service.first.methods["churn"] == "model"
    assert service.first.methods["how"] == "model"


def test_who_is_scored_has_a_reason_and_parts_that_add_up(service):
    ((people, reasons, chance, parts, lost, mrr),) = service.home.ask(
        "select count(*), count(reason_1), sum(churn_chance), sum(voluntary_chance + involuntary_chance),"
        f" sum(expected_lost_mrr), sum(mrr) from {SCORES}"
    )
    assert people > 10_000
    assert reasons > 0.9 * people
    assert chance == pytest.approx(parts)
    assert 0 < lost < mrr
    ((unpaid,),) = service.home.ask(
        f"select count(*) from {SCORES} where reason_1 = 'has cancelled' and churn_chance < 0.5"
    )
    assert unpaid == 0


def test_nobody_is_shown_a_title_that_they_watched_or_that_is_not_on_offer(service):
    ((lists, ranks, seen, gone),) = service.home.ask("""
        select count(distinct user_id), max(rank),
            count(*) filter (exists (
                select 1 from movie_streaming_model.fact_user_activity as plays
                where plays.user_id = lists.user_id and plays.movie_id = lists.movie_id and watch_duration_minutes >= 2)),
            count(*) filter (movie_id in (
                select movie_id from movie_streaming_model.dim_movies where available_to <= date '2025-06-30'))
        from movie_streaming_ml.ml_title_recommendations as lists
    """)
    ((scored,),) = service.home.ask(f"select count(*) from {SCORES}")
    assert lists >= scored
    assert (ranks, seen, gone) == (10, 0, 0)


def test_the_curve_never_rises_and_the_model_goes_on_beyond_what_was_seen(service):
    rows = service.home.ask(
        "select survival, survival_low, survival_high, projected from movie_streaming_ml.ml_retention_curve order by month"
    )
    seen = [row for row in rows if row[0] is not None]
    assert 10 <= len(seen) < len(rows) == 36
    assert all(one[0] >= other[0] for one, other in pairwise(seen))
    assert all(low <= share <= high for share, low, high, _ in seen)
    assert abs(seen[5][0] - seen[5][3]) < 0.05
    assert rows[-1][3] is not None


def test_predicting_again_learns_nothing_and_changes_nothing(small):
    tables = [predicted.name for predicted in MOVIES.predicted]
    before = {name: small.ask(f"from movie_streaming_ml.{name} order by all") for name in tables}
    kept = predict(small)
    assert kept.why_learned is None
    anew = predict(small, retrain=True)
    assert (anew.why_learned, anew.model_id) == ("asked to", kept.model_id)
    assert {name: small.ask(f"from movie_streaming_ml.{name} order by all") for name in tables} == before
    assert sum(map(len, before.values())) > 1000


def test_scores_are_published_only_with_the_build_that_they_are_of(small):
    settings = load_settings(small.path)
    names = {predicted.name for predicted in MOVIES.predicted}
    predict(small)
    assert names <= pipeline.publish(settings, MOVIES, quiet).tables.keys()
    pipeline.transform(settings, MOVIES, None, quiet)
    assert not names & pipeline.publish(settings, MOVIES, quiet).tables.keys()
    predict(small)
    snapshot = pipeline.publish(settings, MOVIES, quiet)
    with publishing.read(snapshot) as connection:
        assert connection.execute("select count(*) > 100 from ml_user_scores").fetchall() == [(True,)]


def test_a_planted_leak_fails_the_run_and_the_scores_of_before_stay(small):
    before = small.ask(f"from {SCORES} order by all")
    ((view,),) = small.ask("select sql from duckdb_views() where view_name = 'ml_user_snapshots'")
    small.tamper(
        "alter view movie_streaming_ml.ml_user_snapshots rename to honest_snapshots",
        "create view movie_streaming_ml.ml_user_snapshots as select * replace"
        " (case when leaves_on - cutoff_date <= 31 then 1 else 0 end as watch_trend)"
        " from movie_streaming_ml.honest_snapshots",
    )
    with pytest.raises(PredictionError, match="watch_trend alone tells who leaves"):
        predict(small, retrain=True)
    assert small.ask(f"from {SCORES} order by all") == before
    small.tamper(
        "drop view movie_streaming_ml.ml_user_snapshots",
        "drop view movie_streaming_ml.honest_snapshots",
        view,
    )


def test_a_score_that_breaks_what_its_table_states_is_not_written(small):
    before = small.ask(f"from {SCORES} order by all")
    small.tamper("update movie_streaming_model.dim_subscriptions set mrr = -mrr where end_date is null")
    with pytest.raises(PredictionError, match=r"ml_user_scores: .* rows break 'mrr is at least 0'"):
        predict(small)
    assert small.ask(f"from {SCORES} order by all") == before
    small.tamper("update movie_streaming_model.dim_subscriptions set mrr = -mrr where end_date is null")


def test_what_was_known_at_a_cutoff_is_what_a_run_at_that_day_knew(tmp_path):
    plan, day = Plan(seed=5, customers=1500, months=9), "2024-07-31"
    now = built(tmp_path / "now", plan)
    then = Home(tmp_path / "then" / "home", MOVIES)
    (tmp_path / "cut").mkdir()
    parts: dict[str, list[pyarrow.Table]] = {}
    until = simulation.midnight(date.fromisoformat(day) + timedelta(days=1))
    simulation.replay(simulate, plan, until, lambda name, rows: parts.setdefault(name, []).append(rows))
    for table in MOVIES.tables:
        pq.write_table(
            pyarrow.concat_tables(parts[table.name]), tmp_path / "cut" / f"raw_{table.name}.parquet"
        )
    then.load(tmp_path / "cut")
    pipeline.transform(load_settings(then.path), MOVIES, day, quiet)
    columns = ", ".join(FEATURES)
    query = f"select user_id, {columns} from movie_streaming_ml.ml_user_snapshots where cutoff_date = date '{day}'"
    known, told = ({row[0]: row[1:] for row in home.ask(query)} for home in (then, now))
    assert len(known) > 300
    both = known.keys() & told.keys()
    assert len(both) == len(known) == len(told)
    for place, name in enumerate(FEATURES):
        pairs = [(known[user][place], told[user][place]) for user in both]
        same = sum(
            one == other or float(one or 0) == pytest.approx(float(other or 0), abs=0.02)
            for one, other in pairs
        )
        assert same > 0.9 * len(both), name


@pytest.mark.parametrize("customers", [1, 12])
def test_next_to_nothing_gives_scores_that_say_so(tmp_path, customers):
    home = built(tmp_path, Plan(seed=3, customers=customers, months=2))
    done = predict(home)
    assert done.methods["churn"] == "not enough data"
    assert home.ask(
        f"select count(*) from {SCORES} where churn_chance is not null or method <> 'not enough data'"
    ) == [(0,)]


def test_a_home_without_any_row_of_people_is_scored_as_nobody(tmp_path):
    home = Home(tmp_path, MOVIES)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "raw_users.csv").write_text(
        "user_id,name,email,country,city,join_date,subscription_status\n1,A,a@example.com,ID,X,2024-01-01,none\n"
    )
    (folder / "raw_movies.csv").write_text(
        "movie_id,title,genre,release_year,duration_min,language\n1,A,Drama,2020,90,en\n"
    )
    home.load(folder)
    pipeline.transform(load_settings(home.path), MOVIES, "2024-02-01", quiet)
    assert predict(home).tables["ml_user_scores"] == 0
    with connect(load_settings(home.path), MOVIES.name, read_only=True) as connection:
        assert connection.execute(
            "select count(*) from movie_streaming_ml.ml_title_recommendations"
        ).fetchall() == [(0,)]


def test_titles_are_told_better_than_by_nothing_within_intervals_and_only_while_licensed(service):
    rows = service.home.ask(
        "select measure, method, expected, came, covered_share from movie_streaming_ml.ml_content_quality"
    )
    assert {row[0] for row in rows} == {"hours", "completers", "revenue"}
    assert all(row[4] >= 0.85 for row in rows if row[4] is not None)
    assert all(0.6 < expected / came < 1.6 for _, _, expected, came, _ in rows)
    ((titles, ended, total, came),) = service.home.ask("""
        select count(*),
            count(*) filter (available_to <= date '2025-07-01'),
            cast(sum(hours_expected / licence_share) as double),
            (select cast(sum(watched_minutes) as double) / 60 * 3 from movie_streaming_mart.mart_content_value
                where month_key = date '2025-06-01')
        from movie_streaming_ml.ml_title_value inner join movie_streaming_model.dim_movies using (movie_id)
    """)
    assert titles > 500
    assert ended == 0
    assert total == pytest.approx(came, rel=0.2)


def test_a_genre_is_short_of_titles_only_where_its_bounds_say_so(service):
    rows = service.home.ask(
        "select is_undersupplied, demand_low, demand, demand_high, share_of_titles, share_of_hours"
        " from movie_streaming_ml.ml_genre_demand"
    )
    assert len(rows) >= 5
    assert all(short == (low > 1) and low <= demand <= high for short, low, demand, high, _, _ in rows)
    assert sum(row[4] for row in rows) == pytest.approx(1)
    assert sum(row[5] for row in rows) == pytest.approx(1)


def test_every_reason_that_somebody_may_have_has_its_words(service):
    assert set(FEATURES) == WORDS.keys() | NO_AND_YES.keys()
    counts = ", ".join(
        f"count(*) filter (isnan(cast({name} as double)) or {name} is null)" for name in FEATURES
    )
    (unknown,) = service.home.ask(f"select {counts} from movie_streaming_ml.ml_user_snapshots")
    assert {name for name, count in zip(FEATURES, unknown, strict=True) if count} <= UNKNOWN.keys()
    assert set(NO_AND_YES) <= {
        name
        for name in FEATURES
        if service.home.ask(
            f"select count(*) from movie_streaming_ml.ml_user_snapshots where {name} not in (0, 1)"
        )
        == [(0,)]
    }
