"""Writes dbt's own documentation, one HTML file per business: models, columns, tests, SQL, and what reads what.

    python docs/dbt_pages.py            into build/docs
    python docs/dbt_pages.py FOLDER     into that folder

It is made from the rows that ship with each dbt project: no warehouse, no network, nothing written beside the SQL.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setia.businesses import BUSINESSES
from setia.schema import Business

BUILD = Path(__file__).resolve().parent.parent / "build" / "docs"


def write(business: Business, out: Path) -> Path:
    """Writes the page of a business and returns where it is; SystemExit with dbt's words when dbt fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # dbt reads the columns' types from tables, so these are built first.
        _dbt(business, folder, "build", "--exclude-resource-types", "test", "unit_test")
        _dbt(business, folder, "docs", "generate", "--static")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(folder / "static_index.html", out / f"{business.name}.html"))


def _dbt(business: Business, folder: Path, *verb: str) -> None:
    project = str(business.dbt_project)
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *verb, "--target", "sample"]
    command += ["--project-dir", project, "--profiles-dir", project]
    command += ["--target-path", str(folder), "--log-path", str(folder)]
    places = {"SETIA_DBT_SAMPLE": str(folder / "sample.duckdb"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def main(arguments: list[str]) -> None:
    """Writes every page, naming each."""
    for business in BUSINESSES.values():
        page = write(business, Path(arguments[0]) if arguments else BUILD)
        sys.stdout.write(f"written: {os.path.relpath(page)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
