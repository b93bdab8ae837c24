"""What the marts promise their readers, and what the sources promise the marts: types, and how old rows may be."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import TUTORIAL, write_csv
from loaded_homes import Home
from setia import pipeline, publish
from setia.businesses import BUSINESSES
from setia.settings import load as load_settings

MOVIES, SHOP = BUSINESSES["movie_streaming"], BUSINESSES["ecommerce"]
ROWS: dict[str, list[dict[str, Any]]] = {
    "users": [{"user_id": number, "join_date": "2024-01-01"} for number in (1, 2)],
    "movies": [{"movie_id": key, "title": "A title", "genre": "Drama", "duration_min": 90} for key in ("m1", "m2")],
    "watch_sessions": [
        {"session_id": n, "user_id": 1 + n % 2, "movie_id": f"m{1 + n % 2}", "start_time": f"2024-0{n}-10 12:00:00"}
        for n in range(1, 6)
    ],
}  # fmt: skip
POPULARITY = "select movie_id, month_key, total_watch_count from movie_streaming_mart.mart_movie_popularity_monthly order by all"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose titles have texts for keys and whose users have numbers: built whole, then two months of it."""
    place = tmp_path_factory.mktemp("contracts")
    home = Home(place / "home", MOVIES)
    home.load(written(place / "first", ROWS))
    transform(home)
    moved = [ROWS["watch_sessions"][1] | {"movie_id": "m2"}]
    home.load(written(place / "second", ROWS | {"watch_sessions": moved}))
    transform(home)
    return home


def written(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> Path:
    """The rows as files with every column; what a row lacks is empty."""
    names = {name: [column.name for column in MOVIES.table(name).columns] for name in tables}
    return write_csv(
        folder,
        {name: [dict.fromkeys(names[name], "") | row for row in rows] for name, rows in tables.items()},
    )


def transform(home: Home) -> None:
    pipeline.transform(load_settings(home.path), MOVIES, "2024-05-31", lambda what, done, of: None)


def warehouse(home: Home) -> Path:
    return load_settings(home.path).warehouse_file(MOVIES.name)


def dbt(file: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """dbt by itself on a warehouse; it writes into the folder only."""
    project = str(MOVIES.dbt_project)
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments, "--target", "duckdb"]
    command += ["--project-dir", project, "--profiles-dir", project]
    command += ["--target-path", str(folder), "--log-path", str(folder)]
    environment = os.environ | {"SETIA_DBT_DUCKDB": str(file), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def kept_contracts(home: Home) -> dict[str, dict[str, str]]:
    """The columns of each model under a contract, in order, with the types that its table has: those of the contract."""
    manifest = json.loads((home.path / "dbt" / home.business.name / "manifest.json").read_text("utf-8"))
    models = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["contract"]["enforced"]
    ]
    there: dict[str, dict[str, str]] = {}
    query = "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() order by column_index"
    for table, column, kind in home.ask(query):
        there.setdefault(table, {})[column] = kind
    kept = {node["name"]: there[f"{node['schema']}.{node['name']}"] for node in models}
    with duckdb.connect() as connection:
        for node in models:
            columns = {name: column["data_type"] for name, column in node["columns"].items()}
            promised = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in columns.items())
            row = connection.execute(f"describe select {promised}").fetchall()
            assert list(kept[node["name"]].items()) == [(column, kind) for column, kind, *_ in row]
    return kept


def test_contracts_hold_whole_and_by_month_whatever_the_keys_are(built: Home) -> None:
    manifest = json.loads((built.path / "dbt" / MOVIES.name / "manifest.json").read_text("utf-8"))
    by_month = manifest["nodes"]["model.movie_streaming_analytics.mart_movie_popularity_monthly"]
    assert by_month["config"]["materialized"] == "incremental"
    kept = kept_contracts(built)
    assert len(kept) > 10
    assert kept["mart_title_performance_monthly"]["movie_id"] == "VARCHAR"
    assert kept["mart_user_activity_monthly"]["user_id"] == "BIGINT"
    assert [row[0] for row in built.ask(POPULARITY)] == ["m1", "m2", "m2", "m2", "m2"]


def test_the_shops_contracts_hold_whole_and_again_with_texts_for_keys(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", SHOP)
    tables = {name: list(csv.DictReader(io.StringIO(text))) for name, text in TUTORIAL.items()}
    for row in tables["customers"] + tables["orders"]:
        row["customer_id"] = f"c{row['customer_id']}"
    for row in tables["products"] + tables["order_items"]:
        row["product_id"] = f"p{row['product_id']}"
    for _ in ("whole", "again"):
        home.load(write_csv(tmp_path / "files", tables))
        pipeline.transform(load_settings(home.path), SHOP, "2023-07-20", lambda what, done, of: None)
        kept = kept_contracts(home)
        assert len(kept) == 17
        assert kept["fct_customer_metrics"]["person_id"] == "VARCHAR"
        assert kept["fct_basket_affinity"]["product_b"] == "VARCHAR"
        assert kept["fct_orders"]["order_id"] == "BIGINT"
        assert kept["fct_orders"]["net_sales"] == "DECIMAL(18,2)"
        tables["orders"][0]["shipping_cost"] = "6.99"


def test_readers_get_the_types_of_the_contract(built: Home) -> None:
    settings = load_settings(built.path)
    snapshot = pipeline.publish(settings, MOVIES, lambda what, done, of: None)
    with publish.read(snapshot) as connection:
        found = {
            name: kind
            for name, kind, *_ in connection.execute("describe mart_title_performance_monthly").fetchall()
        }
    assert found["movie_id"] == "VARCHAR"
    assert found["views"] == "DECIMAL(38,4)"
    assert found["completion_rate"] == "DOUBLE"
    assert found["starters"] == "BIGINT"


def test_a_mart_with_another_type_than_its_contract_is_not_built(built: Home, tmp_path: Path) -> None:
    file = Path(shutil.copy(warehouse(built), tmp_path))
    variables = json.dumps({"as_of": "2024-02-29 17:00:00+00:00"})  # and nothing of texts as keys
    done = dbt(file, tmp_path, "run", "--select", "mart_movie_popularity_monthly", "--vars", variables)
    assert done.returncode == 1
    assert re.search(r"movie_id +\| VARCHAR +\| BIGINT +\| data type mismatch", done.stdout)
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute(POPULARITY).fetchall() == built.ask(POPULARITY)


def test_freshness_is_measured_and_a_catalogue_may_rest(built: Home, tmp_path: Path) -> None:
    file = Path(shutil.copy(warehouse(built), tmp_path))
    absent = {"raw_subscriptions": "warn", "raw_payments": "warn", "raw_ratings": "warn"}
    done, told = freshness(file, tmp_path)
    assert done == 0
    assert told == absent | {"raw_users": "pass", "raw_movies": "pass", "raw_watch_sessions": "pass"}
    age(file, "40 hours")
    done, told = freshness(file, tmp_path)
    assert done == 0
    assert told == absent | {"raw_users": "pass", "raw_movies": "pass", "raw_watch_sessions": "warn"}
    age(file, "50 days")
    done, told = freshness(file, tmp_path)
    assert done == 1
    assert told == absent | {"raw_users": "error", "raw_movies": "pass", "raw_watch_sessions": "warn"}


def freshness(file: Path, folder: Path) -> tuple[int, dict[str, str]]:
    done = dbt(file, folder, "source", "freshness")
    results = json.loads((folder / "sources.json").read_text("utf-8"))["results"]
    return done.returncode, {one["unique_id"].split(".")[-1]: one["status"] for one in results}


def age(file: Path, by: str) -> None:
    with duckdb.connect(str(file)) as connection:
        for table in MOVIES.tables:
            connection.execute(
                f"update movie_streaming_raw.{table.raw} set _loaded_at = _loaded_at - interval '{by}'"
            )
