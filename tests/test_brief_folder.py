"""A folder shaped as the brief's own tables: owners told by payments, undated payments held, nothing assumed unsaid."""

import itertools
import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from conftest import write_csv
from loaded_homes import Home, end, execute, make
from setia import simulation
from setia.businesses import BUSINESSES
from setia.cli import app
from setia.errors import SourceError
from setia.plan import Plan
from test_load_paths import few

MOVIES = BUSINESSES["movie_streaming"]
JAKARTA = ZoneInfo("Asia/Jakarta")
Rows = dict[str, list[dict[str, Any]]]


# ---- the folder ------------------------------------------------------------------------------


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


def stated(assumptions: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Assumptions by table and column."""
    return {(one["table"], one["column"]): one for one in assumptions}


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
    assert (
        third.count("Assumed: ") == third.count("Assumed: watch_sessions.end_time: times name no zone") == 1
    )


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


# ---- what comes later ------------------------------------------------------------------------


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


@pytest.fixture
def here(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", MOVIES)


def as_one_load(home: Home, tmp_path: Path, rows: Rows) -> bool:
    """Whether the home ends as one load of everything into an empty home, and a full load leaves it so."""
    folder, fresh = write_csv(tmp_path / "all", rows), Home(tmp_path / "fresh", MOVIES)
    fresh.load(folder, reconciled=True)
    before = end(home)
    home.load(folder, full=True, reconciled=True)
    return before == end(fresh) == end(home)


def test_a_later_payment_releases_its_subscription_and_the_payments_that_waited(tmp_path, here):
    first = small(subscriptions=[sub(1), sub(2)], payments=[paid(1, 1, 1, **DATED), paid(2, 2, "", **DATED)])
    here.load(write_csv(tmp_path / "a", first), reconciled=True)
    assert here.held("subscriptions") == [("2", "unknown_owner", "user_id")]
    assert here.held("payments") == [("2", "orphan", "subscription_id")]
    second = small(payments=[paid(3, 2, 2, **DATED)])
    batch = here.load(write_csv(tmp_path / "b", second), reconciled=True)
    assert batch.tables["subscriptions"].released == batch.tables["payments"].released == 1
    assert here.raw("subscriptions", "subscription_id", "user_id") == [(1, 1), (2, 2)]
    assert here.raw("payments", "payment_id") == [(1,), (2,), (3,)]
    assert here.held("subscriptions") == here.held("payments") == []
    assert as_one_load(here, tmp_path, first | {"payments": first["payments"] + second["payments"]})


def test_a_payment_of_somebody_else_takes_a_subscription_back(tmp_path, here):
    first = small(subscriptions=[sub(1)], payments=[paid(1, 1, 1, **DATED)])
    here.load(write_csv(tmp_path / "a", first), reconciled=True)
    second = small(payments=[paid(2, 1, 2, **DATED)])
    batch = here.load(write_csv(tmp_path / "b", second), reconciled=True)
    assert batch.tables["subscriptions"].withdrawn == batch.tables["payments"].withdrawn == 1
    assert here.held("subscriptions") == [("1", "conflicting_owner", "user_id")]
    assert here.raw("subscriptions") == here.raw("payments") == []
    assert as_one_load(here, tmp_path, first | {"payments": first["payments"] + second["payments"]})


def test_a_corrected_payment_hands_the_subscription_over(tmp_path, here):
    first = small(subscriptions=[sub(1)], payments=[paid(1, 1, 1, **DATED)])
    here.load(write_csv(tmp_path / "a", first), reconciled=True)
    second = small(payments=[paid(1, 1, 2, **DATED)])
    here.load(write_csv(tmp_path / "b", second), reconciled=True)
    assert here.raw("subscriptions", "user_id") == here.raw("payments", "user_id") == [(2,)]
    assert as_one_load(here, tmp_path, first | second)


def test_dates_that_come_later_release_undated_payments(tmp_path, here):
    rows = small(subscriptions=[sub(1)], payments=[paid(1, 1, 1), paid(2, 1, 1)])
    here.load(write_csv(tmp_path / "a", rows), reconciled=True)
    assert here.raw("subscriptions", "user_id") == [(1,)]
    dated = rows | {"payments": [row | DATED for row in rows["payments"]]}
    batch = here.load(write_csv(tmp_path / "b", dated), reconciled=True)
    assert (batch.tables["payments"].loaded, batch.tables["subscriptions"].unchanged) == (2, 1)
    assert here.held("payments") == []
    assert as_one_load(here, tmp_path, dated)


def test_a_user_who_comes_after_the_payments_releases_what_is_theirs(tmp_path, here):
    first = small(subscriptions=[sub(1)], payments=[paid(1, 1, 9, **DATED)])
    here.load(write_csv(tmp_path / "a", first), reconciled=True)
    assert here.held("subscriptions") == [("1", "orphan", "user_id")]
    second = small()
    second["users"].append(second["users"][0] | {"user_id": 9})
    here.load(write_csv(tmp_path / "b", second), reconciled=True)
    assert here.raw("subscriptions", "user_id") == here.raw("payments", "user_id") == [(9,)]
    assert as_one_load(here, tmp_path, first | second)


def test_a_file_that_names_owners_replaces_what_was_derived(tmp_path, here):
    rows = small(subscriptions=[sub(1), sub(2)], payments=[paid(1, 1, 1, **DATED)])
    here.load(write_csv(tmp_path / "a", rows))
    named = rows | {"subscriptions": [row | {"user_id": 3} for row in rows["subscriptions"]]}
    here.load(write_csv(tmp_path / "b", named), reconciled=True)
    assert here.raw("subscriptions", "user_id") == [(3,), (3,)]
    assert here.held("payments") == [("1", "owner_mismatch", "user_id")]
    assert as_one_load(here, tmp_path, named)


@pytest.mark.parametrize("key", ["7", "07", "a"])
def test_keys_are_compared_as_keys_whatever_their_spaces(tmp_path, here, key):
    rows = small(
        subscriptions=[sub(f" {key}"), sub("8")],
        payments=[
            paid("1", key, " 1", **DATED),
            paid("2", f"{key} ", "1", **DATED),
            paid("3", "8", "1", **DATED),
            paid("4", " 8", "2", **DATED),
        ],
    )
    here.load(write_csv(tmp_path / "a", rows), reconciled=True)
    assert here.raw("subscriptions", "user_id") == [(1,)]
    assert here.held("subscriptions") == [("8", "conflicting_owner", "user_id")]
    assert [row[0] for row in here.raw("payments", "payment_id")] == [1, 2]
    assert as_one_load(here, tmp_path, rows)


# ---- what is refused -------------------------------------------------------------------------


def test_without_payments_that_tell_the_owner_the_load_is_refused_in_three_parts(tmp_path, here):
    folder = write_csv(tmp_path / "in", small(subscriptions=[sub(1)]))
    with pytest.raises(SourceError) as caught:
        here.load(folder)
    assert "raw_subscriptions.csv has no column 'user_id'" in caught.value.wrong
    assert "subscription_id, plan_type" in caught.value.right
    assert "[tables.subscriptions.columns]" in caught.value.do
    payments = [{"payment_id": 1, "subscription_id": 1, "method": "", "amount": 1, "status": "completed"}]
    write_csv(folder, {"payments": payments})
    with pytest.raises(SourceError, match=r"raw_payments.csv has no column 'user_id'"):
        here.load(folder)


@pytest.mark.parametrize(("table", "column"), [("subscriptions", "user_id"), ("payments", "payment_date")])
def test_a_column_that_earlier_loads_had_is_missed_unless_the_folder_is_all(tmp_path, here, table, column):
    rows = small(subscriptions=[sub(1, user_id=2)], payments=[paid(1, 1, 2, **DATED)])
    here.load(write_csv(tmp_path / "a", rows))
    before = end(here)
    less = [{name: value for name, value in row.items() if name != column} for row in rows[table]]
    folder = write_csv(tmp_path / "b", rows | {table: less})
    with pytest.raises(SourceError) as caught:
        here.load(folder)
    assert f"no column '{column}', which earlier loads had" in caught.value.wrong
    assert "--full" in caught.value.do
    assert end(here) == before
    assert here.load(folder, full=True).assumptions


def test_a_date_from_the_mapping_is_used(tmp_path):
    (tmp_path / "m.toml").write_text('[tables.payments.constants]\npayment_date = "2024-03-01"\n')
    home = Home(tmp_path / "home", MOVIES, tmp_path / "m.toml")
    rows = small(subscriptions=[sub(1)], payments=[paid(1, 1, 1)])
    batch = home.load(write_csv(tmp_path / "in", rows), reconciled=True)
    assert home.raw("payments", "payment_date") == [(datetime(2024, 3, 1, tzinfo=JAKARTA),)]
    assert ("payments", "payment_date") not in stated(list(batch.assumptions))


def test_another_column_that_is_needed_is_still_refused(tmp_path, here):
    rows = small(subscriptions=[sub(1)], payments=[paid(1, 1, 1)])
    rows["payments"][0].pop("amount")
    with pytest.raises(SourceError, match="no column 'amount', which payments needs"):
        here.load(write_csv(tmp_path / "in", rows))


# ---- any history -----------------------------------------------------------------------------

DRAWN = {
    "users": {"user_id": "1 2 3", "join_date": "2024-01-01 2024-01-01 x"},
    "subscriptions": {"subscription_id": "1 2 3", "price": "1 2 -1", "start_date": "2024-02-01 2024-03-01"},
    "payments": {
        "payment_id": "1 2 3 4 5",
        "subscription_id": "1 2 3 9",
        "user_id": "1 2 3 9",
        "amount": "1 -1",
    },
}
KEYS = {"users": {"user_id": 100}, "subscriptions": {"subscription_id": 100}}
KEYS["payments"] = {"payment_id": 100, "subscription_id": 100, "user_id": 100}


def rows_of(table: str) -> st.SearchStrategy[Any]:
    columns = {name: st.sampled_from(values.split()) for name, values in DRAWN[table].items()}
    return st.fixed_dictionaries(columns).map(lambda row: (table, row))


def folder_of(path: Path, rows: list[Any], dated: bool) -> Path:
    """These rows beside one of each table that always is the same; a table without rows may be absent."""
    first = brief()
    found: Rows = {"movies": [first["movies"][0]]}
    for table, keys in KEYS.items():
        always = first[table][0] | keys | {"updated_at": "2020-01-01"}
        drawn = [always | row for name, row in rows if name == table]
        found[table] = [always, *drawn]
    if not any(name == "subscriptions" for name, _ in rows):
        del found["subscriptions"]
    if dated:
        found["payments"] = [row | DATED for row in found["payments"]]
    return write_csv(path, found)


HISTORY = st.tuples(
    st.lists(st.one_of(*map(rows_of, DRAWN), rows_of("payments")), min_size=6, max_size=24),
    st.lists(st.integers(0, 24), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
    st.booleans(),
)


@few(15)
@given(drawn=HISTORY)
def test_any_history_of_owners_in_any_loads_ends_as_one_load(tmp_path_factory, drawn):
    (rows, cuts, dice, dated), path = drawn, tmp_path_factory.mktemp("owners")
    for (_, row), day in zip(rows, dice.sample(range(100, 131), len(rows)), strict=True):
        row["updated_at"] = f"2024-05-01 00:00:00.{day}"
    rows.append(("subscriptions", {"updated_at": "2020-01-01"}))
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    many, one = Home(path / "many", MOVIES), Home(path / "one", MOVIES)
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        batch = many.load(folder_of(path / f"in{number}", rows[start:stop], dated), reconciled=True)
        for counts in batch.tables.values():
            assert counts.rows_in == counts.loaded + counts.quarantined + counts.duplicates
    everything = folder_of(path / "all", rows, dated)
    one.load(everything, reconciled=True)
    assert end(many) == end(one)
    many.load(everything, full=True, reconciled=True)
    assert end(many) == end(one)
