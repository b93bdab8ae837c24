"""raw -> models: one dbt build of one business, with its tests, in a process of its own."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from setia import as_of as instants
from setia import rebuild
from setia.errors import SetiaError, TransformError, WarehouseError
from setia.rebuild import Rebuilt
from setia.schema import Business
from setia.settings import Settings

Progress = Callable[[int, int], None]
FAILED = ("error", "fail", "runtime error")


@dataclass(frozen=True)
class Build:
    """What dbt did: nodes by kind and result, and how long it took in seconds."""

    models: int
    tests: int
    failed: list[dict[str, Any]]
    seconds: float
    complete: bool
    """Every model was built, none was left out by a selection."""


@dataclass(frozen=True)
class Options:
    """`select`: dbt's selection of models. `rebuilt`: the months and days to rebuild; None: all.

    `since`: what `rebuild.since` says, for those.
    `key_types`: what raw's keys are, in the words of dbt's contracts; None: whole numbers.
    """

    full_refresh: bool = False
    select: str | None = None
    rebuilt: Rebuilt | None = None
    since: dict[str, Any] | None = None
    key_types: dict[str, str] | None = None


def transform(
    settings: Settings,
    business: Business,
    as_of: datetime,
    options: Options,
    progress: Progress | None = None,
) -> Build:
    """Builds and tests the models as of an instant; raises TransformError naming what failed.

    Nothing is written into the package: dbt's own files go to `dbt/<business>` in the home.
    """
    target = folder(settings, business)
    target.mkdir(parents=True, exist_ok=True)
    (target / "run_results.json").unlink(missing_ok=True)
    if progress:
        progress(0, 0)  # dbt needs seconds before its first model
    told: dict[str, Any] = {"timezone": settings.timezone, "currency": settings.currency}
    told |= {"key_types": options.key_types} if options.key_types else {}
    told |= {"label_days": settings.churn_days} if settings.churn_days else {}
    moving: dict[str, Any] = {"as_of": instants.text(as_of)}
    moving |= options.rebuilt.variables() if options.rebuilt else {}
    moving |= {"builds_since": options.since} if options.since else {}
    environment = _environment(settings, business)
    command = [
        *(sys.executable, "-m", "setia.dbt_process"),
        _reading(business, settings.warehouse, told, list(moving), environment),
        *("--target", settings.warehouse, "--vars", json.dumps(told | moving)),
        *("--project-dir", str(business.dbt_project), "--profiles-dir", str(business.dbt_project)),
        *("--target-path", str(target), "--log-path", str(target)),
        *("--", "build", "--exclude-resource-type", "unit_test"),
        *(["--full-refresh"] if options.full_refresh else []),
        *(["--select", options.select] if options.select else []),
    ]
    said = _run(command, environment, target, progress)
    build = _read_results(target, complete=options.select is None)
    if build is None or build.failed:
        raise _failure(settings, business, build, said)
    return build


def folder(settings: Settings, business: Business) -> Path:
    """Where dbt's files of a business are: manifest.json, run_results.json, compiled SQL."""
    return settings.home / "dbt" / business.name


def manifest(settings: Settings, business: Business) -> dict[str, Any]:
    """dbt's manifest of the last build."""
    content: dict[str, Any] = json.loads((folder(settings, business) / "manifest.json").read_text("utf-8"))
    return content


def _environment(settings: Settings, business: Business) -> dict[str, str]:
    return os.environ | {
        "SETIA_DBT_DUCKDB": str(settings.warehouse_file(business.name)),
        "SETIA_DBT_MEMORY": settings.memory_limit,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _reading(
    business: Business, target: str, told: dict[str, Any], moving: list[str], environment: dict[str, str]
) -> str:
    """What dbt's reading of the project depends on. Of the variables in `moving` only what is built does."""
    ours = {name: value for name, value in environment.items() if name.startswith(("SETIA_", "DBT_"))}
    versions = [version(name) for name in ("dbt-core", "dbt-adapters", f"dbt-{target}")]
    told_of = [versions, sys.version, target, told, moving, ours, str(business.dbt_project)]
    return rebuild.hash_code(business, told_of, ("models", "macros", "tests", "seeds"))


def _die_with_parent() -> None:
    # A killed run must not leave a dbt behind that goes on writing the warehouse.
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _run(command: list[str], environment: dict[str, str], cwd: Path, progress: Progress | None) -> list[str]:
    """Runs dbt, passes its progress on, and returns what it said at level warn and above."""
    said = []
    with subprocess.Popen(
        command, env=environment, cwd=cwd, text=True, encoding="utf-8", errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                try:
                    told = json.loads(line)
                except ValueError:
                    told = {"said": line.rstrip()}
                said += [told["said"]] if "said" in told else []
                if progress and "total" in told:
                    progress(told["index"], told["total"])
        except BaseException:
            process.kill()  # whoever ends this run does not wait for dbt
            raise
    return said


def _read_results(target: Path, complete: bool) -> Build | None:
    path = target / "run_results.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text("utf-8"))
    results = [(result["unique_id"].split(".")[0], result) for result in content["results"]]
    failed = [
        {
            "node": result["unique_id"].split(".")[2],
            "status": result["status"],
            "failures": result["failures"],
            "message": result["message"],
        }
        for _, result in results
        if result["status"] in FAILED
    ]
    kinds = [kind for kind, _ in results]
    return Build(kinds.count("model"), kinds.count("test"), failed, content["elapsed_time"], complete)


def _failure(settings: Settings, business: Business, build: Build | None, said: list[str]) -> SetiaError:
    messages = [str(one["message"]) for one in build.failed] if build else said
    full = next((line for text in messages for line in text.splitlines() if "No space left" in line), None)
    if full:
        return WarehouseError(
            f"The disk is full: {full.strip()}",
            "Nothing was lost: what was built is built again, and the last good snapshot stays.",
            f"Free some space for {settings.home}, then:  setia run {business.name}",
        )
    if build is None:
        return TransformError(
            f"dbt did not finish for {business.name}: {_reason(said[-1]) if said else 'it said nothing'}",
            "It writes its results when it has built and tested every model.",
            f"Look at {folder(settings, business)} and repeat:  setia transform {business.name}",
        )
    first = build.failed[0]
    names = ", ".join(str(each["node"]) for each in build.failed[:5])
    return TransformError(
        f"{len(build.failed)} of {business.name}'s models and tests failed ({names}):"
        f" {_reason(str(first['message'] or first['status']))}",
        "Everything must pass before anything is published; the last good snapshot stays.",
        f"See the failing query in {folder(settings, business) / 'compiled'}, then:  setia run {business.name}",
    )


def _reason(message: str) -> str:
    """The line that says why: dbt puts a heading before it, Python's traceback everything."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Traceback"):
        return lines[-1]
    is_heading = len(lines) > 1 and " Error in " in lines[0]
    return " ".join(lines[1:3]) if is_heading else lines[0] if lines else "no reason given"
