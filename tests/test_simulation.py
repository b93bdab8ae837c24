import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from setia.errors import SourceError, UsageError
from setia.movie_streaming import simulate as movies
from setia.movie_streaming.tables import TABLES, USERS
from setia.simulation import (
    NEVER,
    Plan,
    State,
    arrivals,
    arrow_column,
    arrow_schema,
    freeze,
    micros,
    midnight,
    replay,
    simulate,
    simulator_of,
    stream,
    thaw,
    versions,
    window,
)
from setia.simulation_rows import content, newest

PLAN = Plan(seed=7, customers=400, months=2, dirt=0.05)
Tables = dict[str, pa.Table]


def history(plan: Plan, until: datetime) -> tuple[Tables, State]:
    parts: dict[str, list[pa.Table]] = {}
    state = replay(movies, plan, until, lambda name, rows: parts.setdefault(name, []).append(rows))
    schemas = {table.name: arrow_schema(table) for table in TABLES}
    return {n: pa.concat_tables([p.cast(schemas[n]) for p in parts[n]]) for n in schemas}, state


def applied(tables: Tables, upserts: Tables) -> Tables:
    after = dict(tables)
    for name, rows in upserts.items():
        old = tables[name]
        kept = old.filter(pa.compute.invert(pa.compute.is_in(old.column(0), value_set=rows.column(0))))
        after[name] = pa.concat_tables([kept, rows.cast(old.schema)])
    return after


def in_order(tables: Tables) -> Tables:
    return {name: rows.sort_by(rows.column_names[0]).combine_chunks() for name, rows in tables.items()}


def advanced(tables: Tables, state: State, cuts: list[datetime]) -> tuple[Tables, State]:
    for start, end in pairwise(cuts):
        upserts, state = window(movies, PLAN, state, start, end)
        tables = applied(tables, upserts)
    return in_order(tables), state


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("written")
    simulate("movie_streaming", PLAN, out)
    return out


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(written: Path, tmp_path: Path) -> None:
    simulate("movie_streaming", PLAN, tmp_path / "again")
    simulate("movie_streaming", Plan(seed=8, customers=400, months=2, dirt=0.05), tmp_path / "other")
    first, again, other = files(written), files(tmp_path / "again"), files(tmp_path / "other")
    assert len(first) == 10
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_hours_and_a_day_and_the_history_leave_the_same_rows() -> None:
    start = midnight(PLAN.end)
    end = start + timedelta(hours=24)
    tables, state = history(PLAN, start)
    hourly, hourly_state = advanced(tables, state, [start + timedelta(hours=n) for n in range(25)])
    at_once, _ = advanced(tables, state, [start, end])
    straight, straight_state = history(PLAN, end)
    assert all(rows.num_rows for rows in hourly.values())
    assert hourly == at_once == in_order(straight)
    assert hourly_state.day == straight_state.day
    assert hourly_state.pending == straight_state.pending != {}
    assert hourly_state.arrays.keys() == straight_state.arrays.keys()
    for name, values in hourly_state.arrays.items():
        np.testing.assert_array_equal(values, straight_state.arrays[name], err_msg=name)


@pytest.mark.parametrize("hours", [[0, 7.25, 31, 31, 200.5], [0, 0.01, 200.5]])
def test_windows_may_cut_anywhere_and_span_days(hours: list[float]) -> None:
    start = midnight(PLAN.start + timedelta(days=40)) + timedelta(hours=5, minutes=13)
    cuts = [start + timedelta(hours=n) for n in hours]
    after, _ = advanced(*history(PLAN, start), cuts)
    assert after == in_order(history(PLAN, cuts[-1])[0])


def test_the_written_files_hold_the_history_and_its_planted_duplicates(written: Path) -> None:
    tables = in_order(history(PLAN, midnight(PLAN.end))[0])
    planted = pq.read_table(written / "ground_truth" / "planted.parquet").to_pylist()
    for name, rows in tables.items():
        found = pq.read_table(written / f"raw_{name}.parquet")
        twice = sorted(p["key"] for p in planted if p["table"] == name and p["kind"] == "duplicate")
        keys, counts = np.unique(found.column(0).to_numpy(), return_counts=True)
        assert keys[counts > 1].tolist() == twice, name
        once = found.take(np.unique(found.column(0).to_numpy(), return_index=True)[1])
        assert once.combine_chunks() == rows, name
    assert {p["table"] for p in planted if p["kind"] == "duplicate"} >= {"watch_sessions", "payments"}


def test_what_is_planted_is_in_the_files(written: Path) -> None:
    planted = pq.read_table(written / "ground_truth" / "planted.parquet").to_pylist()
    assert len(planted) > 100
    for table in TABLES:
        keys = set(pq.read_table(written / f"raw_{table.name}.parquet").column(0).to_pylist())
        assert {p["key"] for p in planted if p["table"] == table.name} <= keys, table.name


def test_the_folder_says_what_it_holds_and_every_type_is_exact(written: Path) -> None:
    about = json.loads((written / "source.json").read_text(encoding="utf-8"))
    assert about == {"business": "movie_streaming", "seed": 7, "customers": 400, "months": 2,
                     "covered_until": "2024-02-29T17:00:00+00:00"}  # fmt: skip
    for table in TABLES:
        assert pq.read_schema(written / f"raw_{table.name}.parquet") == arrow_schema(table), table.name


def test_csv_holds_the_same_rows_as_parquet(written: Path, tmp_path: Path) -> None:
    simulate("movie_streaming", PLAN, tmp_path, format="csv")
    for table in TABLES:
        schema = arrow_schema(table)
        convert = pyarrow.csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        found = pyarrow.csv.read_csv(tmp_path / f"raw_{table.name}.csv", convert_options=convert)
        assert found == pq.read_table(written / f"raw_{table.name}.parquet"), table.name


def test_a_window_leaves_the_state_it_was_given() -> None:
    start = midnight(PLAN.end)
    _, state = history(PLAN, start)
    before = freeze(state)
    upserts, after = window(movies, PLAN, state, start, start + timedelta(hours=30))
    assert upserts
    assert freeze(state) == before != freeze(after)


def test_a_frozen_state_thaws_to_the_same_future() -> None:
    start = midnight(PLAN.end) + timedelta(hours=9)
    _, state = history(PLAN, start)
    thawed = thaw(freeze(state))
    assert freeze(thawed) == freeze(state)
    assert thawed.pending
    end = start + timedelta(days=3)
    assert window(movies, PLAN, thawed, start, end)[0] == window(movies, PLAN, state, start, end)[0]


@pytest.mark.parametrize("broken", [b"", b"not a state", freeze(State(PLAN.start, {}))[:-40]])
def test_a_broken_state_is_refused(broken: bytes) -> None:
    with pytest.raises(SourceError, match="saved state"):
        thaw(broken)


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    start = midnight(PLAN.start)
    with pytest.raises(UsageError, match="Time goes forward"):
        window(movies, PLAN, movies.begin(PLAN), start, start - timedelta(hours=1))


def test_any_day_of_any_stream_can_be_drawn_alone() -> None:
    day = date(2024, 3, 5)
    assert stream(7, "x", day).random(4).tolist() == stream(7, "x", day.toordinal()).random(4).tolist()
    draws = {stream(s, n, d).random() for s in (7, 8) for n in ("x", "y") for d in (day, date(2024, 3, 6))}
    assert len(draws) == 8


@pytest.mark.parametrize(("customers", "months"), [(1, 1), (37, 2), (5000, 18)])
def test_as_many_customers_arrive_as_planned_and_more_come_after(customers: int, months: int) -> None:
    plan = Plan(seed=3, customers=customers, months=months)
    days = [plan.start + timedelta(days=n) for n in range(plan.days)]
    counts = [arrivals(plan, day) for day in days]
    assert sum(counts) == customers
    after = sum(arrivals(plan, plan.end + timedelta(days=n)) for n in range(60)) / 60
    if customers == 5000:
        assert sum(counts[:60]) < sum(counts[-60:])
        assert after == pytest.approx(sum(counts[-60:]) / 60, rel=0.3)


def test_a_plan_ends_after_its_months() -> None:
    assert Plan(1, 1, 18).end == date(2025, 7, 1)
    assert Plan(1, 1, 1, start=date(2024, 1, 31)).end == date(2024, 2, 29)
    assert midnight(date(2024, 1, 1)) == datetime(2023, 12, 31, 17, tzinfo=UTC)


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"months": 0}, {"dirt": 0.9}, {"dirt": -0.1}])
def test_an_impossible_plan_says_what_is_possible(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="lies between"):
        Plan(**{"seed": 1, "customers": 1, "months": 1, **wrong})


def test_an_unknown_business_is_named_with_those_there_are() -> None:
    for name in ("bakery", "../x", "movie streaming"):
        with pytest.raises(UsageError, match="movie_streaming and ecommerce"):
            simulator_of(name)


def test_columns_keep_money_dates_and_missing_values_exact() -> None:
    money = arrow_column("decimal", np.array([-12345, 0, NEVER, 10**17]))
    assert money.to_pylist() == [Decimal("-1.2345"), Decimal("0.0000"), None, Decimal("10000000000000.0000")]
    assert arrow_column("date", np.array([0, np.iinfo(np.int32).min])).to_pylist() == [date(1970, 1, 1), None]
    assert arrow_column("float", np.array([0.5, np.nan])).to_pylist() == [0.5, None]
    numbers = np.array([1, 2])
    column = arrow_column("key", numbers)
    numbers[0] = 9
    assert column.to_pylist() == [1, 2]


def test_the_version_in_force_is_the_last_one_written_before_the_instant() -> None:
    at, until = np.array([10, 20, 10]), np.array([20, NEVER, NEVER])
    rows = versions(USERS, {"user_id": np.array([1, 1, 2]), "name": pa.array(["a", "b", "c"])}, at, until)
    found = {cut: content(rows, cut).column("name").to_pylist() for cut in (10, 11, 20, 21)}
    assert found == {10: [], 11: ["a", "c"], 20: ["a", "c"], 21: ["b", "c"]}
    assert newest(rows).column("name").to_pylist() == ["b", "c"]
    assert newest(rows).column("updated_at").cast(pa.int64()).to_pylist() == [20, 10]


def test_progress_counts_every_day() -> None:
    seen: list[tuple[int, int]] = []
    replay(movies, Plan(1, 20, 1), midnight(date(2024, 1, 11)), lambda *_: None, lambda *p: seen.append(p))
    assert seen == [(n, 10) for n in range(1, 11)]
    assert micros(date(1970, 1, 2)) == 17 * 3600 * 10**6


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(SourceError, match="taken"):
        simulate("movie_streaming", Plan(1, 5, 1), tmp_path / "taken")
