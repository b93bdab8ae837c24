"""The embedded server: one per folder, shared, and never in the way of the next run. No stand-ins here."""

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import psutil
import pytest

from setia import embedded, privileges
from setia.errors import SourceError

CLIENT = """
import sys
from pathlib import Path
from setia import embedded
with embedded.server(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


@contextmanager
def client(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CLIENT, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.communicate()


def ask(dsn: str, statement: str) -> object:
    with postgres.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        connection.commit()
        return row[0] if row else None


def pid_of(folder: Path) -> int:
    pid = embedded.status(folder).pid
    assert pid is not None
    return pid


def kill_server(folder: Path) -> None:
    process = psutil.Process(pid_of(folder))
    process.kill()
    process.wait(20)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("home") / "postgres"
    with embedded.server(folder) as dsn:
        yield folder, dsn


def test_a_server_starts_answers_and_stops(tmp_path: Path) -> None:
    assert embedded.status(tmp_path) == embedded.Status(made=False, running=False)
    with embedded.server(tmp_path) as dsn:
        assert str(ask(dsn, "select version()")).startswith("PostgreSQL 18.")
        process = psutil.Process(pid_of(tmp_path))
    assert not process.is_running()
    assert embedded.status(tmp_path) == embedded.Status(made=True, running=False)
    assert not (tmp_path / "data" / "postmaster.pid").exists()


def test_rows_and_the_port_outlive_a_stop(tmp_path: Path) -> None:
    with embedded.server(tmp_path) as first:
        ask(first, "create table kept as select 7 as number")
    with embedded.server(tmp_path) as second:
        assert ask(second, "select number from kept") == 7
    assert first == second


def test_the_server_has_the_promised_settings(running: tuple[Path, str]) -> None:
    promised = {
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "jit": "off",
        "max_connections": "50",
        "max_wal_size": "2GB",
        "password_encryption": "scram-sha-256",
        "shared_buffers": "256MB",
        "synchronous_commit": "on",
        "unix_socket_directories": "",
    }
    found = {name: ask(running[1], f"select current_setting('{name}')") for name in promised}
    assert found == promised
    assert ask(running[1], "select datcollate from pg_database where datname = 'setia'") == "C"


def test_only_loopback_is_listened_on(running: tuple[Path, str]) -> None:
    process = psutil.Process(pid_of(running[0]))
    tcp = [c.laddr for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert tcp == [("127.0.0.1", embedded.status(running[0]).port)]
    assert [c for c in process.net_connections("unix") if c.laddr] == []


def test_without_the_password_nobody_gets_in(running: tuple[Path, str]) -> None:
    folder, dsn = running
    secret = (folder / "password").read_text().strip()
    assert len(secret) >= 32
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert ask(dsn, "select 1") == 1
    for guess in ("", ":wrong"):
        with pytest.raises(postgres.Error, match="password"):
            ask(dsn.replace(f":{secret}", guess), "select 1")
    with pytest.raises(postgres.Error, match="pg_hba"):
        ask(dsn.replace("/setia", "/postgres"), "select 1")
    assert secret not in (folder / "server.log").read_text()


def test_the_log_quotes_no_rows(running: tuple[Path, str]) -> None:
    folder, dsn = running
    ask(dsn, "create table people (email text unique)")
    ask(dsn, "insert into people values ('ani@example.com')")
    with pytest.raises(postgres.Error):
        ask(dsn, "insert into people values ('ani@example.com')")
    log = (folder / "server.log").read_text()
    assert "duplicate key" in log
    assert "ani@example.com" not in log


def test_a_lost_password_is_replaced(tmp_path: Path) -> None:
    with embedded.server(tmp_path) as first:
        pass
    (tmp_path / "password").unlink()
    with embedded.server(tmp_path) as second:
        assert ask(second, "select 1") == 1
    assert first != second


def test_two_processes_share_and_the_last_one_out_stops(tmp_path: Path) -> None:
    with client(tmp_path) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()
        with embedded.server(tmp_path) as ours:
            assert ours == theirs
            pid = pid_of(tmp_path)
        assert embedded.status(tmp_path).running
        assert pid_of(tmp_path) == pid
    assert not embedded.status(tmp_path).running


def test_threads_that_start_at_once_get_one_server(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    together = threading.Barrier(4)

    def use() -> None:
        with embedded.server(tmp_path) as dsn:
            seen.append((dsn, pid_of(tmp_path)))
            together.wait(60)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert not embedded.status(tmp_path).running


def test_a_killed_server_comes_back_with_its_rows(tmp_path: Path) -> None:
    with embedded.server(tmp_path) as dsn:
        ask(dsn, "create table kept as select 7 as number")
        kill_server(tmp_path)
        assert not embedded.status(tmp_path).running
    with embedded.server(tmp_path) as dsn:
        assert ask(dsn, "select number from kept") == 7


def test_a_busy_session_of_a_killed_server_does_not_block_the_next(tmp_path: Path) -> None:
    def be_busy(dsn: str) -> None:
        with pytest.raises(postgres.Error):
            ask(dsn, "select count(*) from generate_series(1, 100000000000) as busy(number)")

    with embedded.server(tmp_path) as dsn:
        thread = threading.Thread(target=be_busy, args=[dsn])
        thread.start()
        others = "from pg_stat_activity where pid <> pg_backend_pid() and query like '%busy(number)%'"
        deadline = time.monotonic() + 20
        while ask(dsn, f"select count(*) {others}") != 1:
            assert time.monotonic() < deadline
        kill_server(tmp_path)
    with embedded.server(tmp_path) as dsn:
        assert ask(dsn, "select 1") == 1
    thread.join(60)
    assert not thread.is_alive()


def test_a_killed_client_leaves_a_server_that_the_next_one_uses_and_stops(tmp_path: Path) -> None:
    with client(tmp_path) as killed:
        assert killed.stdout is not None
        left = killed.stdout.readline().strip()
        killed.kill()
    pid = pid_of(tmp_path)
    with embedded.server(tmp_path) as dsn:
        assert dsn == left
        assert pid_of(tmp_path) == pid
    assert not embedded.status(tmp_path).running


def test_stop_ends_a_server_that_was_left_but_not_one_in_use(tmp_path: Path) -> None:
    assert embedded.stop(tmp_path) is False
    with client(tmp_path) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        with pytest.raises(SourceError, match="in use"):
            embedded.stop(tmp_path)
        killed.kill()
    assert embedded.stop(tmp_path) is True
    assert embedded.stop(tmp_path) is False


def test_ctrl_c_reaches_the_client_alone(tmp_path: Path) -> None:
    with embedded.server(tmp_path):
        assert os.getpgid(pid_of(tmp_path)) != os.getpgid(0)


@pytest.mark.parametrize("whose", ["nobody's", "another program's", "another server's"])
def test_a_stale_pid_file_is_no_obstacle(tmp_path: Path, running: tuple[Path, str], whose: str) -> None:
    with embedded.server(tmp_path):
        lines = (tmp_path / "data" / "postmaster.pid").read_text().splitlines()
    with subprocess.Popen(["sleep", "0"]) as gone:
        gone.wait()
    pid = {"nobody's": gone.pid, "another program's": os.getpid(), "another server's": pid_of(running[0])}
    lines[0] = str(pid[whose])
    (tmp_path / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")

    assert not embedded.status(tmp_path).running
    with embedded.server(tmp_path) as dsn:
        assert ask(dsn, "select 1") == 1
    assert ask(running[1], "select 1") == 1


def test_a_data_folder_that_was_half_made_is_started_over(tmp_path: Path) -> None:
    with client(tmp_path) as killed:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("making-*/base")):
            assert time.monotonic() < deadline
        killed.kill()
    assert not embedded.status(tmp_path).made
    with embedded.server(tmp_path) as dsn:
        assert ask(dsn, "select 1") == 1
    assert list(tmp_path.glob("making-*")) == []


def test_a_taken_port_is_given_up_for_a_free_one(tmp_path: Path) -> None:
    with embedded.server(tmp_path):
        port = embedded.status(tmp_path).port
    with socket.create_server(("127.0.0.1", port or 0)), embedded.server(tmp_path) as dsn:
        assert ask(dsn, "select 1") == 1
        assert embedded.status(tmp_path).port != port


def test_a_home_may_have_spaces_letters_and_a_long_path(tmp_path: Path) -> None:
    folder = tmp_path / "my shop, naïve café 数据" / ("long" * 30) / "postgres"
    assert len(str(folder).encode()) > 107
    with embedded.server(folder) as dsn:
        assert ask(dsn, "select 1") == 1


def effective_capabilities(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff"))


def test_a_home_that_only_its_owner_may_enter_works(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = private / "home"
    with embedded.server(home) as dsn:
        assert ask(dsn, "select 1") == 1
        process = psutil.Process(pid_of(home))
        assert process.uids().real == (pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid())
        if sys.platform == "linux":
            assert effective_capabilities(process.pid) in (0, 1 << privileges.CAP_DAC_OVERRIDE)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    with embedded.server(home) as dsn:
        assert ask(dsn, "select 1") == 1


def assert_three_parts(error: SourceError) -> None:
    assert all((error.wrong, error.right, error.do))


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with embedded.server(tmp_path):
        pass
    with (tmp_path / "data" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 5\n")
    with pytest.raises(SourceError, match="no_such_setting") as caught:
        embedded.server(tmp_path).__enter__()
    assert_three_parts(caught.value)


def test_a_data_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(SourceError, match="made by PostgreSQL 15") as caught:
        embedded.server(tmp_path).__enter__()
    assert_three_parts(caught.value)
    assert (data / "PG_VERSION").read_text() == "15\n"


def test_a_user_without_a_name_is_told_so() -> None:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    unnamed = next(uid for uid in range(40_000, 60_000) if uid not in taken)
    with pytest.raises(SourceError, match="no name") as caught:
        privileges.check_has_name(unnamed)
    assert_three_parts(caught.value)


def test_interrupting_the_client_stops_the_server(tmp_path: Path) -> None:
    with client(tmp_path) as interrupted:
        assert interrupted.stdout is not None
        interrupted.stdout.readline()
        interrupted.send_signal(signal.SIGINT)
        interrupted.wait(60)
    assert not embedded.status(tmp_path).running


def servers_of(folder: Path) -> list[psutil.Process]:
    """Live processes that were started for this folder, its PID file there or not."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        told = process.info["cmdline"] or []
        if str(folder / "data") in told and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def children(process: psutil.Process) -> list[psutil.Process]:
    """Its children, without looking at all processes where the system tells: a server is on its way in milliseconds."""
    told = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not told.exists():
        return process.children()
    return [psutil.Process(int(pid)) for pid in told.read_text().split()]


def test_a_client_that_is_told_to_end_while_its_server_starts_leaves_none_behind(tmp_path: Path) -> None:
    with embedded.server(tmp_path):
        pass
    told_to_end = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
    script = CLIENT.replace("import sys\n", "import sys\n" + told_to_end, 1)
    for _ in range(5):
        command = [sys.executable, "-c", script, str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        client_of = psutil.Process(process.pid)
        while process.poll() is None and not any(child.name() == "postgres" for child in children(client_of)):
            pass
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 143
        assert servers_of(tmp_path) == []
