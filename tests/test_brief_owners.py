"""Whom a subscription belongs to when its file does not say: told by payments, in whatever loads they come."""

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brief_folder import DATED, JAKARTA, MOVIES, Rows, as_one_load, brief, paid, small, stated, sub
from conftest import write_csv
from loaded_homes import Home, end
from setia.errors import SourceError
from setia.settings import load as load_settings
from setia.warehouses import connect
from test_load_paths import few


@pytest.fixture
def here(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", MOVIES)


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
    with connect(load_settings(here.path), MOVIES.name) as connection:
        noted = connection.execute(
            "select table_name, day, key from movie_streaming_raw._changes where batch_id = 2"
        ).fetchall()
    assert ("subscriptions", None, None) in noted, "every day is built anew"
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


def test_an_older_version_of_a_payment_does_not_hand_it_back(tmp_path, here):
    def version(user: int, day: int) -> Rows:
        return small(
            subscriptions=[sub(1)], payments=[paid(1, 1, user, updated_at=f"2024-05-0{day}", **DATED)]
        )

    here.load(write_csv(tmp_path / "a", version(1, 2)), reconciled=True)
    here.load(write_csv(tmp_path / "b", version(2, 1)), reconciled=True)
    assert here.raw("subscriptions", "user_id") == [(1,)]
    here.load(write_csv(tmp_path / "c", version(2, 3)), reconciled=True)
    assert here.raw("subscriptions", "user_id") == [(2,)]
    assert as_one_load(here, tmp_path, version(2, 3))


def test_of_two_versions_of_a_payment_the_one_that_is_good_tells_the_owner_ever_after(tmp_path, here):
    both = [paid(1, 1, 2, amount=-1, **DATED), paid(1, 1, 1, amount=5, **DATED)]
    rows = small(subscriptions=[sub(1), sub(2)], payments=[*both, paid(2, 2, 3, **DATED)])
    here.load(write_csv(tmp_path / "a", rows), reconciled=True)
    assert here.held("payments") == [("1", "impossible_value", "amount")]
    here.load(write_csv(tmp_path / "b", small(payments=[paid(3, 2, 3, **DATED)])), reconciled=True)
    assert here.raw("subscriptions", "subscription_id", "user_id") == [(1, 1), (2, 3)]


def test_an_unpaid_subscription_that_two_pay_later_is_held_as_that(tmp_path, here):
    first = small(subscriptions=[sub(1)], payments=[paid(1, 9, 1, **DATED)])
    here.load(write_csv(tmp_path / "a", first), reconciled=True)
    assert here.held("subscriptions") == [("1", "unknown_owner", "user_id")]
    second = small(payments=[paid(2, 1, 1, **DATED), paid(3, 1, 2, **DATED)])
    here.load(write_csv(tmp_path / "b", second), reconciled=True)
    assert here.held("subscriptions") == [("1", "conflicting_owner", "user_id")]
    assert as_one_load(here, tmp_path, first | {"payments": first["payments"] + second["payments"]})


def test_undated_payments_of_an_earlier_folder_tell_the_owner(tmp_path, here):
    first, second = small(payments=[paid(1, 1, 3)]), small(subscriptions=[sub(1)], payments=[paid(2, 2, 1)])
    here.load(write_csv(tmp_path / "a", first), reconciled=True)
    here.load(write_csv(tmp_path / "b", second), reconciled=True)
    assert here.raw("subscriptions", "user_id") == [(3,)]
    assert as_one_load(here, tmp_path, second | {"payments": first["payments"] + second["payments"]})


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


def test_a_broken_file_of_payments_is_named(tmp_path, here):
    folder = write_csv(tmp_path / "in", small(subscriptions=[sub(1)], payments=brief()["payments"] * 9))
    file = folder / "raw_payments.csv"
    file.write_bytes(file.read_bytes() + b"2,1,1,caf\xe9,5,completed\n")
    with pytest.raises(SourceError, match="payments can't be read"):
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
