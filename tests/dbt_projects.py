"""dbt on a copy of a business's project: nothing is written beside the real one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from setia.schema import Business

Manifest = dict[str, Any]

AS_OF = "2023-07-20 17:00:00+00:00"
# BigQuery with credentials that reach nobody: compiling needs no warehouse.
OFFLINE = {
    "SETIA_BIGQUERY_METHOD": "oauth-secrets",
    "SETIA_BIGQUERY_PROJECT": "a-project",
    "SETIA_BIGQUERY_ENDPOINT": "http://127.0.0.1:1",
}


class DbtFailed(Exception):
    """dbt could not read the project; the text is what it said last."""


def copy_of(business: Business, folder: Path) -> Path:
    """A copy of the dbt project with the shared macros where it looks for them."""
    junk = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml")
    project = folder / business.name / "dbt"
    shutil.copytree(business.dbt_project, project, ignore=junk, dirs_exist_ok=True)
    shutil.copytree(business.folder.parent / "dbt_macros", folder / "dbt_macros", dirs_exist_ok=True)
    return project


def manifest(project: Path, verb: str, target: str, *options: str, **variables: object) -> Manifest:
    """The manifest after `dbt <verb>` in that folder; raises DbtFailed."""
    given = {"as_of": AS_OF, "timezone": "Asia/Jakarta", **variables}
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--no-populate-cache", verb, *options),
        *("--target", target, "--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(project / "target"), "--log-path", str(project / "logs")),
        *("--vars", json.dumps(given)),
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SETIA_", "DBT_"))}
    done = subprocess.run(command, cwd=project, env=clean | OFFLINE, capture_output=True, text=True)
    if done.returncode != 0:
        raise DbtFailed("\n".join((done.stdout + done.stderr).splitlines()[-25:]))
    content: Manifest = json.loads((project / "target" / "manifest.json").read_text("utf-8"))
    return content
