"""dbt in a process of its own: one build, told of in lines of JSON on standard output.

dbt reads its whole project anew as soon as a variable has another value, as as_of has at every run, and makes a line of
JSON of every event, of which a build needs few: reading is 6 of the 24 CPU seconds of a build of next to no rows. Here
what was read is kept, under a key that says what it depends on, and only what is needed is told:
{"index": 3, "total": 40} when a node is done, {"said": "..."} of warnings and errors.
"""

import json
import pickle
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

KEPT = Path("project.pickle")
QUIET = ("--log-level", "none", "--log-level-file", "none")


def main(key: str, *arguments: str) -> int:
    """Runs dbt in the folder that this process is in: `arguments` are those of any verb, `--`, and the verb with its.

    0 when all went well; 1 when models or tests failed; 2 when dbt could not run them.
    """
    place = arguments.index("--")
    shared, verb = arguments[:place], arguments[place + 1 :]
    project = _kept(key)
    if project is None:
        read = dbtRunner(callbacks=[_tell]).invoke([*QUIET, "parse", *shared]).result
        if not isinstance(read, Manifest):
            return 2
        _keep(key, project := read)
    done = dbtRunner(project, callbacks=[_tell]).invoke([*QUIET, *verb, *shared])
    return 0 if done.success else 2 if done.exception else 1


def _kept(key: str) -> Manifest | None:
    try:
        with KEPT.open("rb") as file:
            if pickle.load(file) != key:
                return None
            return Manifest(**pickle.load(file))
    except (OSError, EOFError, pickle.UnpicklingError):  # not there, or damaged: read anew, nothing is lost
        return None


def _keep(key: str, project: Manifest) -> None:
    # As its parts: dbt 1.11 forgets some of them, in the order of arguments, when a Manifest itself is pickled.
    parts = {
        each.name: getattr(project, each.name) for each in fields(Manifest) if not each.name.startswith("_")
    }
    partial = KEPT.with_suffix(".partial")
    with partial.open("wb") as file:
        pickle.dump(key, file)
        pickle.dump(parts, file)
    partial.replace(KEPT)


def _tell(event: Any) -> None:
    told: dict[str, Any] = {}
    if event.info.level in ("warn", "error"):
        told["said"] = event.info.msg
    if getattr(event.data, "total", 0) and event.data.node_info.node_finished_at:
        told |= {"index": event.data.index, "total": event.data.total}
    if told:
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
