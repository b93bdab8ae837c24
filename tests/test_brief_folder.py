"""A folder shaped as the brief's own tables: owners told by payments, undated payments held, nothing assumed unsaid."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from brief_folder import JAKARTA, MOVIES, Rows, brief, payers, stated
from conftest import write_csv
from loaded_homes import Home, execute, make
from setia import simulation
from setia.cli import app
from setia.errors import SourceError
from setia.plan import Plan


@dataclass(frozen=True)
class Ran:
    """A home after `setia run` on the brief's folder: the home, its rows, and what was printed as JSON."""

    home: Home
    rows: Rows
    said: dict[str, Any]
    folder: Path


def call(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    path, rows = tmp_path_factory.mktemp("brief"), brief()
    folder = write_csv(path / "in", rows)
    output = call(path / "home", "run", "movie_streaming", "--source", str(folder), "--json")
    said = json.loads(output)["businesses"]["movie_streaming"]
    return Ran(Home(path / "home", MOVIES), rows, said, folder)


def test_the_briefs_columns_are_what_the_folder_has(ran: Ran) -> None:
    assert {name: list(rows[0]) for name, rows in ran.rows.items()} == {
        "users": ["user_id", "name", "email", "country", "city", "join_date", "subscription_ststus"],
        "movies": ["movie_id", "title", "genre", "release_year", "duration_min", "language"],
        "subscriptions": ["subscription_id", "plan_type", "start_date", "end_date", "price", "status"],
        "payments": ["payment_id", "user_id", "subscription_id", "method", "amount", "status"],
        "ratings": ["rating_id", "user_id", "movie_id", "rating_score", "rating_date", "review_text"],
        "watch_sessions": [
            "session_id",
            "user_id",
            "movie_id",
            "device_type",
            "start_time",
            "end_time",
            "completion_rate",
        ],
    }


def test_one_payer_owns_a_subscription_and_all_others_are_held_with_their_rule(ran: Ran) -> None:
    found = payers(ran.rows["payments"])
    keys = [row["subscription_id"] for row in ran.rows["subscriptions"]]
    owned = [(key, *found[key]) for key in keys if len(found[key]) == 1]
    held = [(str(key), "unknown_owner", "user_id") for key in keys if not found[key]]
    held += [(str(key), "conflicting_owner", "user_id") for key in keys if len(found[key]) > 1]
    assert len(owned) > 50
    assert {rule for _, rule, _ in held} == {"unknown_owner", "conflicting_owner"}
    assert ran.home.raw("subscriptions", "subscription_id", "user_id") == owned
    assert ran.home.held("subscriptions") == sorted(held)
    query = "select subscription_id, user_id from movie_streaming_model.dim_subscriptions order by 1"
    assert ran.home.ask(query) == owned


def test_a_held_row_is_the_files_row_whole(ran: Ran) -> None:
    held = {key for key, _, _ in ran.home.held("subscriptions")}
    rows = [row for row in ran.rows["subscriptions"] if str(row["subscription_id"]) in held]
    as_text = [{name: str(value) or None for name, value in row.items()} for row in rows]
    assert sorted(ran.home.came_as("subscriptions"), key=str) == sorted(as_text, key=str)
    assert len(ran.home.came_as("payments")) == len(ran.rows["payments"])


def test_undated_payments_are_all_held_and_the_run_succeeds_without_revenue(ran: Ran) -> None:
    counts = ran.said["tables"]["payments"]
    assert (counts["rows_in"], counts["loaded"], counts["quarantined"]) == (220, 0, 220)
    rules = Counter((rule, column) for _, rule, column in ran.home.held("payments"))
    assert rules == {("missing_value", "payment_date"): 220}
    assert ran.home.ask("select count(*) from movie_streaming_model.fact_payments") == [(0,)]
    assert ran.said["tests"] > 100
    assert Path(ran.said["published"]).is_dir()


def test_every_table_adds_up_and_raw_is_the_source(ran: Ran) -> None:
    for name, counts in ran.said["tables"].items():
        assert counts["rows_in"] == len(ran.rows[name])
        assert counts["rows_in"] == counts["loaded"] + counts["quarantined"] + counts["duplicates"]
    assert [table["ok"] for table in ran.said["reconciled"]] == [True] * 6
    assert ran.home.is_source(ran.folder)


def test_sessions_are_in_the_month_that_jakartas_clock_showed(ran: Ran) -> None:
    rows = ran.rows["watch_sessions"]
    local = Counter(row["start_time"][:7] for row in rows)
    shifted = (datetime.fromisoformat(row["start_time"]).replace(tzinfo=JAKARTA) for row in rows)
    assert local != Counter(start.astimezone(UTC).strftime("%Y-%m") for start in shifted)
    found = ran.home.ask(
        "select strftime(local_start_date, '%Y-%m'), count(*)"
        " from movie_streaming_preparation.prep_watch_sessions group by 1"
    )
    # What begins at the last instant is where the data ends, and in it.
    assert dict(found) == local


def test_a_completion_of_90_is_nine_tenths_and_a_half_is_half_a_percent(ran: Ran) -> None:
    found = ran.home.ask(
        "select round(completion_rate, 6), count(*) from movie_streaming_preparation.prep_watch_sessions group by 1"
    )
    expected = Counter(round(row["completion_rate"] / 100, 6) for row in ran.rows["watch_sessions"])
    assert dict(found) == expected
    assert expected[0.005] > 0


# ---- what it says ----------------------------------------------------------------------------


def test_each_assumption_is_stated_with_its_rows_and_what_would_settle_it(ran: Ran) -> None:
    found = stated(ran.said["assumptions"])
    assert {place: one["rows"] for place, one in found.items()} == {
        ("users", "subscription_status"): 60,
        ("subscriptions", "user_id"): len(ran.home.raw("subscriptions")),
        ("subscriptions", "billing_interval, currency, discount_amount, is_trial"): 80,
        ("payments", "payment_date"): 220,
        ("ratings", "rating_date"): None,
        ("watch_sessions", "start_time, end_time"): None,
        ("watch_sessions", "completion_rate"): 400,
    }
    assert "subscription_ststus" in found["users", "subscription_status"]["found"]
    assert "payments" in found["subscriptions", "user_id"]["assumed"]
    assert "quarantine" in found["payments", "payment_date"]["assumed"]
    assert "Asia/Jakarta" in found["watch_sessions", "start_time, end_time"]["assumed"]
    assert "0-100" in found["watch_sessions", "completion_rate"]["assumed"]
    unsaid = found["subscriptions", "billing_interval, currency, discount_amount, is_trial"]["assumed"]
    assert all(word in unsaid for word in ("month", "reporting currency", "discount", "trial"))
    assert all(one["is_new"] and one["settles"] and one["found"] for one in found.values())


def test_the_record_of_the_batch_the_run_and_why_keep_them(ran: Ran) -> None:
    ((kept,),) = ran.home.ask("select cast(assumptions as varchar) from movie_streaming_raw._batches")
    assert json.loads(kept) == ran.said["assumptions"]
    (run,) = [
        one
        for one in json.loads(call(ran.home.path, "status", "--json"))["businesses"]["movie_streaming"][
            "runs"
        ]
        if one["step"] == "load"
    ]
    assert run["counts"]["assumptions"] == ran.said["assumptions"]
    why = json.loads(call(ran.home.path, "why", "movie_streaming", "--json"))["businesses"]["movie_streaming"]
    assert why["assumptions"] == ran.said["assumptions"]
    shown = call(ran.home.path, "why", "movie_streaming", "--table", "payments", "--limit", "0")
    assert shown.count("Assumed: ") == shown.count("Assumed: payments.payment_date") == 1


def test_the_screen_warns_once_and_counts_what_stands(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "in", brief())
    load = ["load", "movie_streaming", "--source", str(folder)]
    first = call(tmp_path / "home", *load)
    assert first.count("Assumed: ") == 7
    assert "users.subscription_status: the source calls it 'subscription_ststus'" in first
    second = call(tmp_path / "home", *load)
    assert "Assumed: " not in second
    assert "Assumed as before: 7 more." in second
    rows = brief()
    rows["watch_sessions"] = [
        row | {"start_time": f"{row['start_time']}+07:00"} for row in rows["watch_sessions"]
    ]
    third = call(
        tmp_path / "home", "load", "movie_streaming", "--source", str(write_csv(tmp_path / "in", rows))
    )
    assert third.count("Assumed: ") == third.count("Assumed: watch_sessions.end_time: there are times") == 1


def test_a_zone_of_the_mapping_is_the_one_that_is_stated_and_read(tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('timezone = "Asia/Jayapura"')
    home = Home(tmp_path / "home", MOVIES, mapping)
    found = stated(list(home.load(write_csv(tmp_path / "in", brief())).assumptions))
    assert "Asia/Jayapura" in found["watch_sessions", "start_time, end_time"]["assumed"]
    (start,) = home.raw("watch_sessions", "start_time")[0]
    written = min(row["start_time"] for row in brief()["watch_sessions"])
    assert start == datetime.fromisoformat(written).replace(tzinfo=ZoneInfo("Asia/Jayapura"))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_of_a_complete_folder_nothing_is_assumed(tmp_path: Path, form: Any) -> None:
    plan = Plan(seed=7, customers=40, months=2)
    simulation.simulate(MOVIES.name, plan, tmp_path / "in", form, lambda done, of: None)
    assert Home(tmp_path / "home", MOVIES).load(tmp_path / "in").assumptions == ()


def test_of_postgresqls_own_tables_nothing_is_assumed_and_owners_must_be_there(
    tmp_path: Path, dsn: str, from_server: None
) -> None:
    home = Home(tmp_path / "home", MOVIES)
    session = (
        "insert into movie_streaming.watch_sessions (session_id, user_id, movie_id, start_time, completion_rate)"
        " values (1, 1, 1, '2024-02-01', 0.5)"
    )
    make(dsn, True, session, business=MOVIES)
    assert home.load().assumptions == ()
    execute(dsn, "alter table movie_streaming.subscriptions drop column user_id")
    with pytest.raises(SourceError, match="no column 'user_id', which subscriptions needs"):
        home.load()
