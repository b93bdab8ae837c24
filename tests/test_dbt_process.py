"""`dbt_process`: what is kept of dbt's reading of a project, and that it hangs on nothing that moves from run to run."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import dbt_projects
from setia.businesses import BUSINESSES
from setia.cli import app
from setia.settings import load as load_settings
from setia.warehouses import connect

JULY = {
    "as_of": "2023-07-20 17:00:00+00:00",
    "rebuilt_months": ["2023-07-01"],
    "rebuilt_days": [["2023-07-01", "2023-07-20"]],
    "rebuilt_users_since": "2023-06-01",
    "builds_since": {"kept_until": "2023-03-01"},
}
MARCH = {
    "as_of": "2024-03-31 17:00:00+00:00",
    "rebuilt_months": ["2024-02-01", "2024-03-01"],
    "rebuilt_days": [["2024-02-29", "2024-03-31"], ["2023-01-01", "2023-01-01"]],
    "rebuilt_users_since": "2024-02-01",
    "builds_since": {"kept_until": "2023-11-01"},
}


def read(project: Path, moving: dict[str, Any]) -> dict[str, Any]:
    found = dbt_projects.manifest(project, "parse", "duckdb", "--no-partial-parse", **moving)
    kinds = ("nodes", "sources", "exposures", "unit_tests", "macros", "parent_map")
    told = {f"{kind} {name}": node for kind in kinds for name, node in found[kind].items()}
    return {name: _timeless(node) for name, node in told.items()}


def _timeless(node: Any) -> Any:
    return (
        {key: value for key, value in node.items() if key != "created_at"} if isinstance(node, dict) else node
    )


@pytest.mark.parametrize("business", BUSINESSES.values(), ids=BUSINESSES)
def test_what_dbt_reads_of_a_project_is_the_same_at_any_instant(business, tmp_path):
    project = dbt_projects.copy_of(business, tmp_path)
    july, march = read(project, JULY), read(project, MARCH)
    assert len(july) > 100
    assert july.keys() == march.keys()
    assert [name for name in july if july[name] != march[name]] == []


def transform(home: Path, day: str) -> None:
    result = CliRunner().invoke(
        app, ["--home", str(home), "--json", "transform", "ecommerce", "--as-of", day]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["businesses"]["ecommerce"]["failed"] == []


def silence(home: Path) -> int:
    with connect(load_settings(home), "ecommerce", read_only=True) as connection:
        row = connection.execute(
            "select max(recency_days) from ecommerce_marts.fct_customer_metrics"
        ).fetchone()
    assert row is not None
    return row[0]


def test_what_was_read_is_kept_and_read_anew_where_it_is_damaged(tmp_path, tutorial):
    loaded = CliRunner().invoke(
        app, ["--home", str(tmp_path), "load", "ecommerce", "--source", str(tutorial)]
    )
    assert loaded.exit_code == 0, loaded.output
    kept = tmp_path / "dbt" / "ecommerce" / "project.pickle"
    transform(tmp_path, "2023-07-20")  # everything
    transform(tmp_path, "2023-07-21")  # what changed: other variables, so another reading
    before, first = silence(tmp_path), kept.stat().st_mtime_ns
    transform(tmp_path, "2023-07-25")
    assert silence(tmp_path) == before + 4
    assert kept.stat().st_mtime_ns == first
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    transform(tmp_path, "2023-07-26")
    assert silence(tmp_path) == before + 5
    assert len(kept.read_bytes()) > len(whole) / 2
