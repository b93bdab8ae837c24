"""Parquet for a load job holds every row of the source, typed and judged like the rows of raw."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from setia import batches, files, pipeline, postgres, postgres_source, stage_files
from setia import load as loading
from setia.settings import load as load_settings
from setia.simulation import Plan, simulate
from setia.warehouses import connect

# What a BigQuery load job reads as INT64, FLOAT64, NUMERIC, STRING, BOOL, DATE and TIMESTAMP.
LOADABLE = {
    *(pa.int64(), pa.float64(), pa.decimal128(18, 4), pa.string(), pa.bool_(), pa.date32()),
    pa.timestamp("us", "UTC"),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate("movie_streaming", Plan(seed=7, customers=300, months=3, dirt=0.05), folder / "in")
    return folder / "in"


def write(folder: Path, business, out: Path) -> dict[str, int]:
    with duckdb.connect() as connection, loading.transaction(connection):
        connection.execute("set TimeZone = 'UTC'")
        source = files.open_source(connection, business, folder, {}, "Asia/Jakarta", complete=True)
        return stage_files.write(connection, business, source, out, lambda what: None)


def test_every_row_is_written_once_in_types_that_a_load_job_takes(simulated, tmp_path, movies):
    rows = write(simulated, movies, tmp_path / "out")
    assert set(rows) == {table.name for table in movies.tables}
    for name, count in rows.items():
        file = pq.ParquetFile(tmp_path / "out" / f"stage_{name}.parquet")
        assert count == file.metadata.num_rows == pq.read_metadata(simulated / f"raw_{name}.parquet").num_rows
        assert set(file.schema_arrow.types) <= LOADABLE


def test_good_rows_are_those_of_raw_and_bad_ones_those_of_quarantine(simulated, tmp_path, settings, movies):
    write(simulated, movies, tmp_path / "out")
    batch = pipeline.load(settings, movies, pipeline.From(simulated), True, lambda what, done, of: None)
    assert sum(counts.quarantined for counts in batch.tables.values()) > 0
    references = "'orphan', 'owner_mismatch', 'before_parent'"
    with connect(settings, movies.name, read_only=True) as connection:
        for table in movies.tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            stage = f"read_parquet('{tmp_path / 'out' / f'stage_{table.name}.parquet'}')"
            raw = f"movie_streaming_raw.{table.raw}"
            quarantine = f"movie_streaming_quarantine.{table.raw}"
            lacking = f"select {names} from {raw} except select {names} from {stage} where _rule is null"
            assert connection.execute(lacking).fetchall() == []
            held = "_rule, _column, _key, _zone, cast(_row as varchar), cast(_ours as varchar)"
            bad = f"select {held} from {stage} where _rule is not null"
            kept = f"select {held} from {quarantine} where _rule not in ({references})"
            assert connection.execute(f"{kept} except {bad}").fetchall() == []


def test_an_increment_holds_what_changed_and_the_keys_that_went(tmp_path, dsn, shop, monkeypatch):
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    settings = load_settings(tmp_path / "home")
    with postgres.transaction(dsn) as cursor:
        cursor.execute("drop schema if exists ecommerce cascade")
        postgres.create(cursor, shop)
        cursor.execute("insert into ecommerce.customers (customer_id) values (1), (2), (3)")
    pipeline.load(settings, shop, None, False, lambda what, done, of: None)
    with postgres.transaction(dsn) as cursor:
        cursor.execute("delete from ecommerce.customers where customer_id = 2")
        cursor.execute("insert into ecommerce.customers (customer_id) values (4)")
    with connect(settings, shop.name) as connection, loading.transaction(connection):
        newest = batches.newest(connection, shop)
        assert newest is not None
        source = postgres_source.open_source(connection, shop, dsn, settings.timezone, newest["mark"])
        rows = stage_files.write(connection, shop, source, tmp_path / "out", lambda what: None)
    assert rows["customers"] == 1
    deleted = pq.read_table(tmp_path / "out" / "deleted_customers.parquet")
    assert deleted.to_pydict() == {"key": ["2"]}


PEAK = """
import resource, sys
import duckdb
from pathlib import Path
from setia import files, stage_files
from setia.businesses import BUSINESSES
business = BUSINESSES["movie_streaming"]
with duckdb.connect(config={"threads": "2"}) as connection:
    connection.execute("set memory_limit = '200MB'")
    connection.execute("set enable_progress_bar = false")
    connection.execute("begin")
    source = files.open_source(connection, business, Path(sys.argv[1]), {}, "UTC", True)
    stage_files.write(connection, business, source, Path(sys.argv[2]), lambda what: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def sessions(folder: Path, count: int) -> Path:
    folder.mkdir()
    with duckdb.connect() as connection:
        for table, row in {
            "users": "1 as user_id, '' as name, '' as email, '' as country, '' as city,"
            " date '2020-01-01' as join_date, 'active' as subscription_status from range(1)",
            "movies": "1 as movie_id, '' as title, '' as genre, 2000 as release_year, 90 as duration_min,"
            " '' as language from range(1)",
            "watch_sessions": "i as session_id, 1 as user_id, 1 as movie_id, 'tv' as device_type,"
            " timestamp '2024-01-01' + to_seconds(i) as start_time, null as end_time,"
            f" random() as completion_rate from range({count}) as t(i)",
        }.items():
            connection.execute(f"copy (select {row}) to '{folder / f'raw_{table}.parquet'}'")
    return folder


def test_four_times_the_rows_take_no_more_memory(tmp_path):
    def peak(count: int) -> int:
        folder = sessions(tmp_path / f"in{count}", count)
        command = [sys.executable, "-c", PEAK, str(folder), str(tmp_path / f"out{count}")]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert peak(2_000_000) < 1.25 * peak(500_000)
