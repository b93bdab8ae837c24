"""Traps B01 to B07 and B43: what does not run, or not everywhere. The tutorial's words beside ours, on the same rows."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import duckdb
import pytest
import yaml

import tutorial_logic as tutorial
from ecommerce_warehouse import PROJECT, dbt, fetch, macros, manifest, row
from googlesql import Analyzer, Refused
from trap_rows import AS_OF


def test_b01_a_name_of_mixed_case_stays_as_typed(traps: Path) -> None:
    with pytest.raises(duckdb.CatalogException, match="initcap"):
        tutorial.ask(traps, "select initcap(trim(last_name)) from customers")
    first, second = row(traps, "staging.stg_customers", 1), row(traps, "staging.stg_customers", 2)
    assert (first["first_name"], first["last_name"]) == ("Jean Paul", "McDonald")
    assert (second["first_name"], second["last_name"]) == ("De La", "O'neill")


BIGQUERY = {
    "dayname(date '2024-01-01')": ("day_name", ("date '2024-01-01'",)),
    "datediff('day', date '2024-01-01', date '2024-01-02')": ("days_between", ("date '2024-01-01'", "date '2024-01-02'")),
    "dateadd('day', -90, date '2024-01-01')": ("add_days", ("date '2024-01-01'", -90)),
    "percentile_cont(0.8) within group (order by 1)": ("percentile_cont_over", ("1", 0.8)),
}  # fmt: skip


def test_b02_one_text_of_each_model_runs_on_both_engines(traps: Path) -> None:
    with pytest.raises(duckdb.CatalogException, match="dateadd"):
        tutorial.ask(traps, tutorial.DAYS_BACK)
    analyzer = Analyzer()
    for expression in (*BIGQUERY, "1::float"):
        with pytest.raises(Refused):
            analyzer.output(f"select {expression}")
    for name, arguments in BIGQUERY.values():
        ours = getattr(macros(name), f"bigquery__{name}")(*arguments)
        assert len(analyzer.output(f"select {ours} from unnest([1])")) == 1
    assert row(traps, "staging.stg_orders", 101)["order_day_of_week"] == "Monday"


def test_b03_the_days_between_orders_come_out(traps: Path) -> None:
    with pytest.raises(
        duckdb.BinderException, match="aggregate function calls cannot contain window function"
    ):
        tutorial.ask(traps, tutorial.GAPS)
    assert row(traps, "ml.ml_customer_features", 9)["avg_days_between_orders"] == 30
    assert row(traps, "ml.ml_customer_features", 5)["avg_days_between_orders"] is None


def test_b04_the_tutorials_queries_find_their_columns(traps: Path) -> None:
    with pytest.raises(duckdb.BinderException, match="recency_days"):
        tutorial.ask(
            traps, "select segments.recency_days from (select customer_id, r, f, m from metrics) as segments"
        )
    compiled = sorted((traps.parent / "target").glob("compiled/*/analyses/*.sql"))
    assert len(compiled) == 7
    assert all(len(fetch(traps, path.read_text())) > 0 for path in compiled)
    segment = row(traps, "marts.dim_customer_segments", 12)
    assert (segment["recency_days"], segment["country"]) == (100, "ID")


def test_b05_the_incremental_model_is_written_to_its_end(traps: Path) -> None:
    with pytest.raises(duckdb.ParserException, match="syntax error at end of input"):
        fetch(traps, tutorial.UNFINISHED)
    [[rows]] = fetch(traps, "select count(*) from ecommerce_marts.fct_customer_metrics_incremental")
    assert rows == 13


def test_b06_the_seeds_lie_where_the_sources_look_and_the_profile_is_there(commands: dict[str, str]) -> None:
    file = Path(commands["home"]) / "sample.duckdb"
    with pytest.raises(duckdb.CatalogException, match="raw_customers"):
        fetch(file, "select * from raw.raw_customers")  # `+schema: raw` alone does not make it so
    assert fetch(file, "select count(*) from ecommerce_raw.raw_customers") == [(5,)]
    sources = manifest(file)["sources"].values()
    assert {source["relation_name"] for source in sources} == {
        f'"sample"."ecommerce_raw"."{name}"' for name in ("raw_customers", "raw_orders", "raw_order_items", "raw_products", "raw_exchange_rates")
    }  # fmt: skip
    assert all(source["loaded_at_field"] and source["freshness"]["warn_after"] for source in sources)
    assert yaml.safe_load((PROJECT / "profiles.yml").read_text())["default"]["target"] == "sample"


def test_b07_nothing_that_we_write_is_deprecated(commands: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/customers.sql").write_text("select 1 as customer_id")
    column = {"name": "customer_id", "tests": [{"accepted_values": {"values": [1]}}]}
    written = {"version": 2, "models": [{"name": "customers", "columns": [column]}]}
    (tmp_path / "models/schema.yml").write_text(yaml.safe_dump(written))
    (tmp_path / "dbt_project.yml").write_text("name: theirs\nprofile: default\n")
    command = [sys.executable, "-m", "dbt.cli.main", "parse", "--project-dir", str(tmp_path)]
    theirs = subprocess.run(
        [*command, "--profiles-dir", str(PROJECT)], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Deprecat" in theirs.stdout
    assert len(commands) > 12
    assert [command for command, text in commands.items() if "deprecat" in text.lower()] == []


def test_b43_what_models_learn_from_is_built_with_all_it_reads(
    commands: dict[str, str], tmp_path: Path
) -> None:
    dbt(tmp_path, "seed")
    alone = " ".join(dbt(tmp_path, "run", "--select", "tag:ml", fails=True).split())
    assert "does not exist" in alone
    dbt(tmp_path, "run", "--select", "+tag:ml")
    assert fetch(tmp_path / "sample.duckdb", "select count(*) from ecommerce_ml.ml_customer_features") == [
        (5,)
    ]
    assert "Completed successfully" in commands["run --select tag:ml"]  # after a run, as in the tutorial
    assert "--select +tag:ml" in (PROJECT.parents[3] / "docs/ecommerce.md").read_text("utf-8")


def test_every_command_of_the_tutorial_works_without_a_flag(commands: dict[str, str]) -> None:
    built = [command for command in commands if command.split()[0] in ("seed", "run", "test")]
    assert len(built) == 10
    assert [command for command in built if "Completed successfully" not in commands[command]] == []
    assert "Catalog written" in commands["docs generate"]


def test_the_documentation_is_served(commands: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "docs",
        "serve",
        "--port",
        str(port),
        "--no-browser",
    ]
    environment = os.environ | {
        "SETIA_DBT_SAMPLE": commands["home"] + "/sample.duckdb",
        "DBT_TARGET_PATH": commands["home"] + "/target",
        "DBT_LOG_PATH": commands["home"] + "/logs",
    }
    server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        assert b"fct_customer_metrics" in page(f"http://127.0.0.1:{port}/manifest.json")
    finally:
        server.terminate()
        server.wait()


def page(address: str) -> bytes:
    """The page, as soon as somebody serves it."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(address) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"nobody serves {address}")


def test_the_tutorials_production_is_the_warehouse_that_the_environment_names(traps: Path) -> None:
    command = ("run", "--target", "prod", "--select", "stg_orders")
    assert "The variable as_of is not set." in dbt(traps.parent, *command, fails=True)
    printed = dbt(traps.parent, *command, "--vars", f"{{as_of: '{AS_OF}'}}")
    assert "Completed successfully" in printed
