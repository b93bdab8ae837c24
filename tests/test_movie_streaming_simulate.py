import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setia.movie_streaming import simulate as movies
from setia.movie_streaming.tables import TABLES
from setia.simulation import Plan, arrow_schema, midnight, replay, simulate

KINDS = {
    "users": {"blank_email", "broken_email", "stray_text", "stale_status", "update", "duplicate"},
    "movies": {"stray_text", "duplicate"},
    "subscriptions": {"stray_text", "duplicate"},
    "payments": {"stray_text", "late", "orphan", "unknown_status", "duplicate"},
    "ratings": {"late", "orphan", "duplicate"},
    "watch_sessions": {"stray_text", "late", "update", "orphan", "end_before_start", "impossible_completion", "duplicate"},
}  # fmt: skip


def service(plan: Plan) -> duckdb.DuckDBPyConnection:
    """The simulated tables and the ground truth, in local time."""
    parts: dict[str, list[pa.Table]] = {"planted": []}
    state = replay(movies, plan, midnight(plan.end), lambda n, rows: parts.setdefault(n, []).append(rows))
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'Asia/Jakarta'")
    schemas = {t.name: arrow_schema(t) for t in TABLES}
    empty = pa.table({"table": pa.array([], pa.string()), "key": pa.array([], pa.int64()), "kind": pa.array([], pa.string())})  # fmt: skip
    loaded = {
        n: pa.concat_tables([s.empty_table(), *[p.cast(s) for p in parts.get(n, [])]])
        for n, s in schemas.items()
    }
    loaded["planted"] = pa.concat_tables([empty, *parts["planted"]])
    for name, rows in {**loaded, **movies.truth(plan, state)}.items():
        connection.register("incoming", rows)
        connection.execute(f"create table {name} as from incoming")
    return connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql).fetchall()


def planted(table: str, kind: str) -> str:
    return (
        f"(select planted.key from planted where planted.\"table\" = '{table}' and planted.kind = '{kind}')"
    )


@pytest.fixture(scope="module")
def year() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = service(Plan(seed=11, customers=1500, months=12, dirt=0.03))
    yield connection
    connection.close()


def promises(orphans: dict[str, str]) -> dict[str, str]:
    """What simulated people and titles never do, as queries for the rows that do it."""
    return {
        "sessions end after they start": f"""select * from watch_sessions where end_time <= start_time
            and session_id not in {planted("watch_sessions", "end_before_start")}""",
        "completion is a share": f"""select * from watch_sessions where completion_rate not between 0 and 1
            and session_id not in {planted("watch_sessions", "impossible_completion")}""",
        "nobody watches before they join": """select * from watch_sessions join users using (user_id)
            where start_time::date < join_date""",
        "nobody rates before they join": """select * from ratings join users using (user_id)
            where rating_date::date < join_date""",
        "nobody watches without access": """select * from watch_sessions w semi join users using (user_id)
            where not exists (from subscriptions s where s.user_id = w.user_id
            and w.start_time::date >= s.start_date and (s.end_date is null or w.start_time::date < s.end_date))""",
        "no title is watched outside its licence": """select * from watch_sessions join movies using (movie_id)
            where start_time::date < available_from or start_time::date > available_to""",
        "payments lie inside their subscription": """select * from payments join subscriptions using (subscription_id)
            where payment_date::date < start_date or payment_date::date >= end_date""",
        "money is not negative": "select * from payments where amount < 0 or refunded_amount > amount",
        "prices are positive": "select * from subscriptions where price <= 0 or discount_amount not between 0 and price",
        "periods end after they start": "select * from subscriptions where end_date <= start_date",
        "one period at a time": """select * from subscriptions a join subscriptions b on a.user_id = b.user_id
            and a.subscription_id < b.subscription_id and coalesce(a.end_date, date '9999-01-01') > b.start_date""",
        "cancelling lies inside the period": """select * from subscriptions
            where canceled_at::date < start_date or canceled_at::date >= end_date""",
        "scores are 1 to 5": "select * from ratings where rating_score not between 1 and 5",
        "nothing is written before it happens": """select * from watch_sessions where updated_at < start_time
            union all by name select * from ratings where updated_at < rating_date
            union all by name select * from payments where updated_at < payment_date""",
        "one user pays once for a period": f"""select subscription_id, period_start from payments
            where trim(lower(status)) in ('completed', 'pending')
            and payment_id not in {orphans["payments"]} group by all having count(*) > 1""",
    }


def impossible(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    """Rows that break a promise, by the promise; rows planted to break it are left out."""
    orphans = {table: planted(table, "orphan") for table in ("payments", "ratings", "watch_sessions")}
    checks = {
        f"{t.name} keys are unique": f"select {t.key} from {t.name} group by 1 having count(*) > 1"
        for t in TABLES
    }
    checks |= {
        f"{t.name}.{c.name} is there": f"select {t.key} from {t.name} where {c.name} is null"
        for t in TABLES
        for c in t.columns
        if not c.nullable
    }
    keys = {t.name: t.key for t in TABLES}
    parents = {"user_id": "users", "movie_id": "movies", "subscription_id": "subscriptions"}
    checks |= {
        f"{table.name}.{r.column} holds": f"""select * from {table.name} where {keys[table.name]} not in
            {orphans.get(table.name, "(0)")} and {r.column} not in (select {r.column} from {parents[r.column]})"""
        for table in TABLES
        for r in table.references
    }
    checks |= promises(orphans)
    return {promise: found for promise, sql in checks.items() if (found := rows(connection, sql))}


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**63),
    customers=st.integers(1, 120),
    months=st.integers(1, 4),
    dirt=st.sampled_from([0.0, 0.01, 0.3]),
)
def test_no_plan_makes_anything_impossible(seed: int, customers: int, months: int, dirt: float) -> None:
    with service(Plan(seed, customers, months, dirt=dirt)) as connection:
        assert rows(connection, "select count(*) from users") == [(customers,)]
        assert impossible(connection) == {}


def test_a_year_of_a_larger_service_has_nothing_impossible(year: duckdb.DuckDBPyConnection) -> None:
    counts = {t.name: rows(year, f"select count(*) from {t.name}")[0][0] for t in TABLES}
    assert counts["users"] == 1500
    assert counts["movies"] > 400
    assert all(count > 1500 for name, count in counts.items() if name not in ("users", "movies")), counts
    assert impossible(year) == {}


def test_every_kind_of_dirt_is_planted_and_no_other(tmp_path: Path) -> None:
    simulate("movie_streaming", Plan(seed=5, customers=800, months=10, dirt=0.2), tmp_path)
    found: dict[str, set[str]] = {}
    for row in pq.read_table(tmp_path / "ground_truth" / "planted.parquet").to_pylist():
        found.setdefault(row["table"], set()).add(row["kind"])
    assert found == KINDS


def test_planted_dirt_is_what_it_says(year: duckdb.DuckDBPyConnection) -> None:
    wrong = {
        "blank_email": f"select * from users where user_id in {planted('users', 'blank_email')} and email <> ''",
        "broken_email": f"select * from users where user_id in {planted('users', 'broken_email')} and email like '%@%'",
        "unknown_status": f"select * from payments where payment_id in {planted('payments', 'unknown_status')} and status <> 'unknown'",
        "end_before_start": f"select * from watch_sessions where session_id in {planted('watch_sessions', 'end_before_start')} and end_time >= start_time",
        "impossible_completion": f"select * from watch_sessions where session_id in {planted('watch_sessions', 'impossible_completion')} and completion_rate <= 100",
        "late": f"select * from ratings where rating_id in {planted('ratings', 'late')} and updated_at < rating_date + interval 2 hour",
        "stray_text": f"select * from payments where payment_id in {planted('payments', 'stray_text')} and status in ('completed', 'failed')",
        "stale_status": f"select * from users semi join endings using (user_id) where user_id in {planted('users', 'stale_status')} and subscription_status <> 'active'",
    }  # fmt: skip
    kinds = {kind for (kind,) in rows(year, "select distinct kind from planted")}
    assert set(wrong) <= kinds
    assert {name: found for name, sql in wrong.items() if (found := rows(year, sql))} == {}


def test_a_clean_plan_plants_nothing_but_edits() -> None:
    with service(Plan(seed=5, customers=300, months=5, dirt=0)) as connection:
        assert {kind for (kind,) in rows(connection, "select distinct kind from planted")} == {"update"}
        assert rows(connection, "select email from users where email not like '%_@example.___'") == []


def test_what_the_source_says_of_a_user_follows_from_the_subscriptions(
    year: duckdb.DuckDBPyConnection,
) -> None:
    wrong = f"""
        select users.* from users where user_id not in {planted("users", "stale_status")}
        and (subscription_status = 'active') <> exists (from subscriptions s where s.user_id = users.user_id
             and s.start_date < '2025-01-01' and (s.end_date is null or s.end_date >= '2025-01-01'))"""
    assert rows(year, wrong) == []
    statuses = rows(year, """select distinct status, is_trial, end_date is null, end_date < '2025-01-01'
                             from subscriptions order by all""")  # fmt: skip
    assert ("active", False, True, None) in statuses
    assert ("trial", True, True, None) in statuses
    assert {s for s, _, is_open, _ in statuses if is_open} == {"active", "trial"}
    assert {s for s, _, _, ended in statuses if ended} == {"expired", "canceled"}


def test_people_leave_for_both_reasons_and_some_come_back(year: duckdb.DuckDBPyConnection) -> None:
    kinds = dict(rows(year, "select kind, count(*) from endings group by 1"))
    assert 40 < kinds["involuntary"] < kinds["voluntary"]
    back = rows(year, """select count(distinct user_id) from endings join subscriptions using (user_id)
                         where start_date > ended_on + 5""")[0][0]  # fmt: skip
    left = rows(year, "select count(distinct user_id) from endings")[0][0]
    assert 0.1 < back / left < 0.5
    truth = """select * from endings join subscriptions using (subscription_id)
               where ended_on <> end_date or (kind = 'involuntary') <> (cancel_reason = 'payment_failed')"""
    assert rows(year, truth) == []


def test_failed_payments_are_tried_again_and_mostly_recovered(year: duckdb.DuckDBPyConnection) -> None:
    sql = """
        with periods as (
            select
                subscription_id, period_start, max(payment_date::date) - period_start as tried_for,
                bool_or(trim(lower(status)) = 'failed') as failed,
                bool_or(trim(lower(status)) in ('completed', 'pending')) as paid,
            from payments where period_start < '2024-12-10' group by 1, 2
        )
        select avg(failed::int), avg(paid::int) filter (failed), list(distinct tried_for) filter (failed) from periods"""
    share, recovered, days = rows(year, sql)[0]
    assert 0.03 < share < 0.2
    assert 0.5 < recovered < 0.95
    assert set(days) <= {0, 3, 7}
    assert rows(year, "select count(*) from payments where refunded_amount > 0")[0][0] > 5


def test_plans_change_in_a_new_row_that_starts_where_the_old_one_ends(
    year: duckdb.DuckDBPyConnection,
) -> None:
    changes = rows(year, """
        select b.price > a.price as up, count(*) from subscriptions a join subscriptions b
        on a.user_id = b.user_id and a.end_date = b.start_date and a.price <> b.price group by 1""")  # fmt: skip
    assert {up for up, _ in changes} == {True, False}


def test_evenings_and_weekends_are_busiest(year: duckdb.DuckDBPyConnection) -> None:
    hours = dict(rows(year, "select hour(start_time), count(*) from watch_sessions group by 1"))
    assert max(hours, key=hours.__getitem__) in (19, 20, 21)
    assert min(hours.values()) * 4 < max(hours.values())
    days = dict(rows(year, "select isodow(start_time), count(*) from watch_sessions group by 1"))
    assert min(days[6], days[7]) > max(days[1], days[2], days[3])


def test_a_few_titles_have_most_viewers_and_tastes_show(year: duckdb.DuckDBPyConnection) -> None:
    counts = [
        n for (n,) in rows(year, "select count(*) from watch_sessions group by movie_id order by 1 desc")
    ]
    assert sum(counts[: len(counts) // 10]) > 0.3 * sum(counts)
    top = rows(year, """
        with seen as (select user_id, genre, count(*) n from watch_sessions join movies using (movie_id) group by 1, 2)
        select avg(share) from (select max(n) / sum(n) as share from seen group by user_id having sum(n) > 50)""")  # fmt: skip
    assert top[0][0] > 0.4


def test_churn_can_be_seen_coming(year: duckdb.DuckDBPyConnection) -> None:
    sql = """
        with moments as (
            select user_id, canceled_at::date as day, true as leaves from subscriptions
            where canceled_at::date > start_date + 60 and not is_trial
            union all
            select user_id, (start_date + 90)::date, false from subscriptions
            where not is_trial and canceled_at is null and end_date is null and start_date < '2024-09-20'
        )
        select
            leaves, count(distinct (moments.user_id, day)),
            count(*) filter (start_time::date >= day - 14) / count(*) filter (start_time::date < day - 30) as pace,
        from moments join watch_sessions using (user_id)
        where start_time::date < day and start_time::date >= day - 60 group by 1 order by 1"""
    (_, stayers, steady), (_, leavers, fading) = rows(year, sql)
    assert min(stayers, leavers) > 100
    assert fading < 0.8 * steady
    better = rows(year, """select avg(churn_hazard_30d) filter (fading), avg(churn_hazard_30d) filter (not fading)
                           from customers where state = 'active'""")  # fmt: skip
    assert better[0][0] > 2 * better[0][1]


def test_the_hidden_risk_is_what_then_happens() -> None:
    plan = Plan(seed=21, customers=3000, months=9)
    now = plan.end - timedelta(days=45)
    customers = movies.truth(plan, replay(movies, plan, midnight(now), lambda *_: None))["customers"]
    with service(plan) as connection:
        connection.register("believed", customers)
        fates = f"""
            with fates as (
                select churn_hazard_30d as risk, exists (
                    from subscriptions s where s.user_id = believed.user_id
                    and (s.canceled_at::date between date '{now}' and date '{now}' + 29 or (
                        s.cancel_reason = 'payment_failed' and s.end_date between date '{now}' and date '{now}' + 43
                    ))
                ) as left_us from believed where state = 'active'
            )
            select risk > 0.12, count(*), avg(risk), avg(left_us::int) from fates group by 1 order by 1"""
        (_, safe, low, rarely), (_, at_risk, high, often) = rows(connection, fates)
    assert min(safe, at_risk) > 100
    assert rarely == pytest.approx(low, rel=0.4)
    assert often == pytest.approx(high, rel=0.4)
    assert often > 3 * rarely


def test_ratings_follow_a_viewing(year: duckdb.DuckDBPyConnection) -> None:
    orphans = planted("ratings", "orphan")
    unseen = f"""select * from ratings r where rating_id not in {orphans} and not exists (
        from watch_sessions w where w.user_id = r.user_id and w.movie_id = r.movie_id and w.start_time < r.rating_date)"""
    share = len(rows(year, unseen)) / rows(year, "select count(*) from ratings")[0][0]
    assert share < 0.02  # sessions that are orphans, late or lost on the way
    scores = dict(rows(year, "select rating_score::int, count(*) from ratings group by 1"))
    assert set(scores) == {1, 2, 3, 4, 5}


def test_the_generator_of_the_briefs_name_is_setia_simulate(tmp_path: Path) -> None:
    module = "setia.movie_streaming.movie_streaming_data_generator"
    options = ["--customers", "30", "--months", "1", "--seed", "3", "--out", str(tmp_path / "generated")]
    done = subprocess.run(
        [sys.executable, "-m", module, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    written = {p.name: p for p in tmp_path.rglob("raw_*.parquet")}
    assert len(written) == 6
    simulate("movie_streaming", Plan(3, 30, 1), tmp_path / "direct")
    # Another process, with another hash seed, writes the same bytes.
    for name, path in written.items():
        assert path.read_bytes() == (tmp_path / "direct" / name).read_bytes(), name
