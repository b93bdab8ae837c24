"""The sides of bench/load.py: how each is installed, the command that loads, and what running it costs.

    python bench/load_peers.py measure POSTMASTER LOG COMMAND...   runs a command, prints what it cost as JSON
    python bench/load_peers.py dlt BACKEND DISPOSITION HOME        dlt's load, run in dlt's own environment

This file imports the standard library only: it runs in the peers' environments too, and a process that
measures has to be small, for Linux counts the memory of the process that starts another as the other's peak.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCHEMA = "movie_streaming"
KEYS = {"users": "user_id", "movies": "movie_id", "watch_sessions": "session_id"}
"""The tables that hold rows, parents first, with their keys."""
OWN = "_changed"
"""What Setia adds to the tables for its own loads; the others leave it out, connectorx can't read its type."""

PINS = {
    "dlt": (
        *("dlt==1.31.0", "duckdb==1.5.5", "connectorx==0.4.6", "pyarrow==26.0.1"),
        *("sqlalchemy==2.1.9", "psycopg2-binary==2.9.13", "pytz==2026.6"),
    ),
    # The last wheel that holds the program itself; later ones fetch it when they are first run.
    "ingestr": ("ingestr==1.1.22",),
}
# ingestr would fetch DuckDB as a driver when it runs; this npm package has the same library, unchanged.
DUCKDB_LIBRARY = "@duckdb/node-bindings-{system}-{machine}@1.5.5-r.5"
DRIVER = """name = "DuckDB"
version = "1.5.5"

[ADBC]
version = "1.1.0"

[Driver]
entrypoint = "duckdb_adbc_init"
shared = {library}
"""
SAMPLE_SECONDS = 0.05


class Unavailable(Exception):
    """A peer that can't be had here; the text is the reason."""


@dataclass(frozen=True)
class Load:
    """A command that loads, what it sees, and where the rows are afterwards (None: thrown away).

    `tables` names a table in the warehouse, with {} for the source's name.
    """

    command: list[str]
    environment: dict[str, str]
    warehouse: Path | None = None
    tables: str = "raw.{}"


@dataclass(frozen=True)
class Place:
    """Where a side works: the source and its columns, its folder, the peers' environments, psql's folder."""

    dsn: str
    home: Path
    tools: Path
    programs: Path
    columns: dict[str, list[str]]


def copy(place: Place, since: str | None) -> Load:
    """The limit: the rows in PostgreSQL's own binary form, thrown away."""
    command = [str(place.programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
    for table in KEYS:
        names = ", ".join(place.columns[table])
        command += ["-c", f"copy {SCHEMA}.{table} ({names}) to stdout (format binary)"]
    parts = urlsplit(place.dsn)
    # An argument would show the password to everybody who lists the processes.
    environment = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.lstrip("/"),
    }
    return Load(command, {name: value for name, value in environment.items() if value})


def setia(place: Place, since: str | None) -> Load:
    """Setia's command line; the same command loads all and what changed."""
    return Load(
        [sys.executable, "-m", "setia", "--home", str(place.home), "load", SCHEMA, "--json"],
        {"SETIA_POSTGRES_URL": place.dsn},
        place.home / "warehouse" / f"{SCHEMA}.duckdb",
        f"{SCHEMA}_raw.raw_{{}}",
    )


def dlt(backend: str, first: str) -> Callable[[Place, str | None], Load]:
    """dlt with one of its backends, merging by key what changed.

    Its `first` load merges, too, as its documentation of incremental loads has it; or it replaces, which
    is faster and leaves out the looking for keys that came twice.
    """

    def load(place: Place, since: str | None) -> Load:
        disposition = "merge" if since else first
        return Load(
            [_python(place.tools / "dlt"), __file__, "dlt", backend, disposition, str(place.home)],
            {
                "BENCH_DSN": place.dsn.replace("postgresql:", "postgresql+psycopg2:"),
                "DLT_DATA_DIR": str(place.home),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "RUNTIME__LOG_LEVEL": "ERROR",
            },
            place.home / "dlt.duckdb",
        )

    return load


def ingestr(place: Place, since: str | None) -> Load:
    """ingestr, a run a table; it has to be told since when, or it reads all rows again."""
    warehouse = place.home / "ingestr.duckdb"
    options = ["--sql-exclude-columns", OWN, "--incremental-strategy", "merge" if since else "replace"]
    if since:
        options += ["--incremental-key", "updated_at", "--interval-start", since]
    script = " && ".join(
        f'"$0" ingest --yes --progress log --source-table {SCHEMA}.{table} --dest-table raw.{table}'
        f' --primary-key {key} "$@"'
        for table, key in KEYS.items()
    )
    environment = place.tools / "ingestr"
    return Load(
        ["sh", "-c", script, str(environment / "bin" / "ingestr"), *options],
        {
            "SOURCE_URI": place.dsn,
            "DESTINATION_URI": f"duckdb:///{warehouse}",
            "ADBC_DRIVER_PATH": str(environment / "drivers"),
            "INGESTR_DISABLE_TELEMETRY": "true",
            "HOME": str(place.home),
        },
        warehouse,
    )


SIDES: dict[str, Callable[[Place, str | None], Load]] = {
    "copy": copy,
    "setia": setia,
    "dlt_connectorx": dlt("connectorx", "merge"),
    "dlt_pyarrow": dlt("pyarrow", "merge"),
    "dlt_replace": dlt("connectorx", "replace"),
    "ingestr": ingestr,
}
"""Each side's load: of everything, or (given the newest `updated_at` that it has) of what changed since."""


# ---- installing ------------------------------------------------------------------------------


def install(side: str, tools: Path) -> None:
    """Makes the side's own virtual environment, once. Raises Unavailable when it can't be had."""
    peer = side.partition("_")[0]
    if peer not in PINS:
        return
    environment = tools / peer
    made = environment / "pins"
    pins = "\n".join(PINS[peer])
    if made.exists() and made.read_text() == pins:
        return
    _call(sys.executable, "-m", "venv", "--clear", str(environment))
    _call(_python(environment), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PINS[peer])
    if peer == "ingestr":
        _install_driver(environment)
    made.write_text(pins)


def _install_driver(environment: Path) -> None:
    if shutil.which("npm") is None:
        raise Unavailable("npm is not installed, and DuckDB's library for ingestr comes as an npm package")
    drivers = environment / "drivers"
    drivers.mkdir()
    machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x64"
    package = DUCKDB_LIBRARY.format(system=platform.system().lower(), machine=machine)
    _call("npm", "pack", "--silent", "--pack-destination", str(drivers), package)
    shutil.unpack_archive(next(drivers.glob("*.tgz")), drivers)
    library = next((drivers / "package").glob("libduckdb.*"))
    (drivers / "duckdb.toml").write_text(DRIVER.format(library=json.dumps(str(library))))


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise Unavailable(f"{Path(command[0]).name} ended with code {done.returncode}: {lines[-1]}")


def _python(environment: Path) -> str:
    return str(environment / "bin" / "python")


# ---- measuring -------------------------------------------------------------------------------


def run(load: Load, postmaster: int, log: Path) -> dict[str, float]:
    """Runs a load and returns its cost: seconds of wall, cpu, client_cpu and server_cpu, peak in MB."""
    # A shell that forbids Python to keep compiled modules would have it compile ours, not those of peers,
    # whose installer has done so.
    left_out = ("SETIA_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    measured = subprocess.run(
        [sys.executable, __file__, "measure", str(postmaster), str(log), *load.command],
        env=inherited | load.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    if measured.returncode != 0:
        said = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        raise Unavailable(f"its load failed: {' '.join(said[-3:])[:500]}")
    figures: dict[str, float] = json.loads(measured.stdout)
    return figures


def measure(postmaster: int, log: Path, command: list[str]) -> dict[str, float]:
    """What one command costs, with the processes that it starts and the server that answers it."""
    import psutil  # not in the peers' environments

    os.sync()  # what the load before has left to be written is not this one's
    server = psutil.Process(postmaster)
    before = _server_seconds(server)
    peak, done = [0], threading.Event()
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        sampler = threading.Thread(target=_sample, args=(psutil.Process(process.pid), peak, done))
        sampler.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    done.set()
    sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(1)
    largest = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    client, of_server = used.ru_utime + used.ru_stime, _server_seconds(server) - before
    return {
        "wall": wall,
        "cpu": client + of_server,
        "client_cpu": client,
        "server_cpu": of_server,
        "peak": max(peak[0], largest) / 1e6,
    }


def _sample(root: Any, peak: list[int], done: threading.Event) -> None:
    """Notes the largest sum of the memory of a process and of all that it started."""
    import psutil

    while not done.wait(SAMPLE_SECONDS):
        total = 0
        try:
            for process in (root, *root.children(recursive=True)):
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        peak[0] = max(peak[0], total)


def _has_sessions(server: Any) -> bool:
    import psutil

    try:
        titles = [" ".join(child.cmdline()) for child in server.children()]
    except psutil.NoSuchProcess:
        return True  # one has just ended
    # One that has ended and waits for the postmaster to see it has no title.
    return any("127.0.0.1(" in title or not title for title in titles)


def _server_seconds(server: Any) -> float:
    """CPU of the postmaster, of its sessions that ended, and of the helpers that live on.

    The helpers count because PostgreSQL 18 reads through its io workers. A session counts once it has
    ended and the postmaster has seen it, so wait for that. On macOS what ended is not known.
    """
    while _has_sessions(server):
        time.sleep(0.01)
    own = server.cpu_times()
    seconds = own.user + own.system + own.children_user + own.children_system
    for child in server.children():
        times = child.cpu_times()
        seconds += times.user + times.system
    return float(seconds)


# ---- dlt -------------------------------------------------------------------------------------


def run_dlt(backend: str, disposition: str, home: Path) -> None:
    """One dlt pipeline with the three tables, incremental on `updated_at`."""
    import dlt  # type: ignore[import-not-found]  # only in dlt's own environment
    from dlt.sources.sql_database import sql_table  # type: ignore[import-not-found]

    options: dict[str, Any] = {"backend": backend, "chunk_size": 100_000}
    if backend == "connectorx":
        options["backend_kwargs"] = {"return_type": "arrow_stream"}
    resources = []
    for table, key in KEYS.items():
        # Without a key of its own the cursor does not look for rows that it has seen; merge replaces them.
        cursor = dlt.sources.incremental("updated_at", primary_key=())
        resource = sql_table(
            os.environ["BENCH_DSN"],
            table,
            schema=SCHEMA,
            incremental=cursor,
            excluded_columns=[OWN],
            reflection_level="full_with_precision",
            **options,
        )
        resources.append(resource.apply_hints(primary_key=key, write_disposition=disposition))
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "dlt.duckdb")),
        dataset_name="raw",
    )
    pipeline.run(resources).raise_on_failed_jobs()


if __name__ == "__main__":
    if sys.argv[1] == "dlt":
        run_dlt(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        print(json.dumps(measure(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])))
