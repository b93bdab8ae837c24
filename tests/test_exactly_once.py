"""Exactly once from a real PostgreSQL: writers, kills, full disks, crashes, and what goes past the triggers."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pytest

from setia.settings import Settings
from setia.settings import load as load_settings
from source_and_raw import (
    SHOP,
    Cursor,
    Writers,
    ask,
    execute,
    load,
    make,
    orders,
    orphans,
    unequal,
    warehouse,
)

KINDS = {"tracked": 200, "plain": 200, "undated": 60}  # loads
WRITERS, KILLS = 10, 50


@pytest.fixture
def mine(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    return load_settings(tmp_path / "home")


# ---- ten writers -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "loads"), KINDS.items())
def test_ten_writers_and_two_hundred_loads_end_with_the_source_in_raw(dsn, mine, kind, loads):
    make(dsn, kind)
    clock = "order_date" if kind == "undated" else "updated_at"
    shared, naive = Writers(dsn, clock == "updated_at"), Cursor(clock)
    dated = f"update ecommerce.orders set {clock} = '2030-01-0%s' where order_id = %s"
    with ThreadPoolExecutor(WRITERS) as pool, adbc.connect(dsn) as late, late.cursor() as cursor:
        writers = [pool.submit(shared.write, number) for number in range(WRITERS)]
        try:
            for number in range(loads):
                if number == loads // 2:
                    cursor.execute(orders(9001))
                    cursor.execute(dated % (1, 9001))
                    execute(dsn, orders(9002), dated % (2, 9002))
                if number == loads // 2 + 5:
                    late.commit()
                if number % 10 == 9:
                    with shared.commits:
                        load(mine)
                        assert unequal(dsn, warehouse(mine)) == [], f"after load {number + 1}"
                else:
                    load(mine)
                assert orphans(warehouse(mine)) == 0
                if number % 5 == 4:
                    naive.read(dsn)
                shared.loads += 1
        finally:
            shared.ended.set()
        assert all(writer.result() > 10 for writer in writers)
    load(mine)
    naive.read(dsn)
    assert unequal(dsn, warehouse(mine)) == []
    assert {key for (key,) in ask(dsn, "select order_id from ecommerce.orders")} - naive.keys >= {9001}
    assert 9002 in naive.keys


# ---- SIGKILL ---------------------------------------------------------------------------------


def ledger(settings: Settings, query: str) -> list[Any]:
    file = settings.home / "ledger.sqlite"
    with suppress(sqlite3.OperationalError), sqlite3.connect(f"file:{file}?mode=rw", uri=True) as connection:
        return connection.execute(query).fetchall()
    return []


def command(settings: Settings) -> list[str]:
    return [sys.executable, "-m", "setia", "--home", str(settings.home), "--json", "load", SHOP.name]


def kill_after(settings: Settings, seconds: float) -> bool:
    """Whether a load was at work when SIGKILL came, so many seconds after its beginning."""
    process = subprocess.Popen(command(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    at_work = f"select 1 from runs where pid = {process.pid} and status = 'running'"
    while process.poll() is None and not ledger(settings, at_work):
        time.sleep(0.001)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return ledger(settings, at_work) != []


def change(dsn: str, step: int) -> None:
    """Good and bad orders come, others go, customers change; no order is ever written twice."""
    first = 100_000 + 100 * step
    execute(
        dsn,
        orders(first, first + 49),
        orders(first + 50, first + 59, customer=99),
        f"delete from ecommerce.orders where order_id between {20 * step} and {20 * step + 9}",
        f"update ecommerce.customers set email = '{step}'",
    )


def count_batches(settings: Settings) -> int:
    with duckdb.connect(str(warehouse(settings))) as connection:
        made = connection.execute("from duckdb_tables() where table_name = '_batches'").fetchall()
        return len(connection.execute("from ecommerce_raw._batches").fetchall()) if made else 0


def add_up(settings: Settings, kind: str) -> bool:
    """Whether batches have no gap, and their counts make what raw and quarantine hold of orders.

    A table that only a count tells of deletions is compared as a whole, and what is held counts again.
    """
    with duckdb.connect(str(warehouse(settings)), read_only=True) as connection:
        query = "select batch_id, cast(counts -> 'orders' as varchar) from ecommerce_raw._batches order by 1"
        counts = {number: json.loads(text) for number, text in connection.execute(query).fetchall()}
        alive = "select count(*) from ecommerce_raw.raw_orders where _deleted_at is null"
        rows = connection.execute(alive).fetchall()[0][0]
        query = "select _batch_id, count(*) from ecommerce_quarantine.raw_orders group by 1 order by 1"
        held = dict(connection.execute(query).fetchall())
    assert [*counts] == [*range(1, len(counts) + 1)]
    kept = sum(each["loaded"] - each["unchanged"] - each["deleted"] for each in counts.values())
    put = {number: each["quarantined"] for number, each in counts.items() if each["quarantined"]}
    if kind == "tracked":
        return (kept, put) == (rows, held)
    return kept == rows and [*put.values()][-1:] == [sum(held.values())][: len(put)]


def settle(dsn: str, settings: Settings, kills: list[bool], kind: str) -> None:
    """One clean load after these kills: as if none had been, but for the ledger."""
    load(settings)
    assert unequal(dsn, warehouse(settings)) == []
    assert add_up(settings, kind)
    ended = dict(ledger(settings, "select status, count(*) from runs group by 1"))
    assert (ended.get("killed", 0), sum(ended.values())) == (sum(kills), len(kills) + 1)
    assert ended["done"] <= count_batches(settings) <= len(kills) + 1


# Fifty kills of each kind are a hundred; a third of them in a first load, which reads everything.
@pytest.mark.parametrize("kind", ["tracked", "plain"])
def test_killed_at_fifty_instants_and_run_once_more_raw_is_the_source(tmp_path, dsn, mine, kind):
    dice, kills, home = random.Random(kind), list[bool](), mine
    make(dsn, kind)
    execute(dsn, orders(1, 20_000))
    calm = load_settings(tmp_path / "calm")
    for step in (1, 2):
        subprocess.run(command(calm), check=True, capture_output=True)
        change(dsn, step)
    spans = [row[0] for row in ledger(calm, "select seconds from runs order by started_at")]
    for number in range(KILLS // 3):
        kills.append(kill_after(home, dice.uniform(0, spans[0])))
        if count_batches(home):  # killed after its commit: what follows would not be a first load
            settle(dsn, home, kills, kind)
            kills, home = [], load_settings(tmp_path / f"home-{number}")
    settle(dsn, home, kills, kind)
    for number in range(KILLS // 3, KILLS):
        change(dsn, number)
        kills.append(kill_after(home, dice.uniform(0, spans[1])))
    assert sum(kills) > len(kills) // 2
    settle(dsn, home, [*kills, False], kind)


# ---- a full disk -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs of 64 MB in a mount namespace of its own."""

    folder: Path
    pid: int

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        own = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        there = ["nsenter", "--target", str(self.pid), *own, "--mount", "--root", "--wd", "--"]
        return subprocess.run([*there, *command], capture_output=True, text=True, check=False)

    def leave(self, kilobytes: int) -> None:
        """Fills the disk until only so much is free."""
        script = (
            'rm -f "$0/ballast"; free=$(df --output=avail -k "$0" | tail -n 1)'
            ' && head -c "$(((free - $1) * 1024))" /dev/zero > "$0/ballast"'
        )
        done = self.run("sh", "-c", script, str(self.folder), str(kilobytes))
        assert done.returncode == 0, done.stderr

    def content(self, copies: Path) -> list[Any]:
        """Every row of every table in a copy of the warehouse, as the next load would open it."""
        shutil.rmtree(copies, ignore_errors=True)
        done = self.run("cp", "-r", str(self.folder / "home" / "warehouse"), str(copies))
        assert done.returncode == 0, done.stderr
        with duckdb.connect(str(copies / f"{SHOP.name}.duckdb")) as connection:
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() order by all"
            ).fetchall()
            return [
                (name, connection.execute(f"from {'.'.join(name)} order by all").fetchall())
                for name in tables
            ]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    script = 'mount -t tmpfs -o size=64m none "$0" && echo ready && cat; umount "$0"'
    # Root needs no user namespace; in a chroot the kernel refuses everybody else, and refuses to make the
    # mounts private, since a chroot's root is none: so the mount may be seen outside until it is taken off.
    own = ["--propagation", "unchanged"] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *own, "--mount", "sh", "-c", script, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdin
        if holder.stdout.readline() != "ready\n":
            pytest.skip("no small disk: this kernel lets neither a mount nor a user namespace be made here")
        yield SmallDisk(folder, holder.pid)
        holder.stdin.close()


def test_a_full_disk_is_told_and_leaves_the_warehouse_as_it_was(tmp_path, dsn, disk, mine):
    make(dsn, "tracked")
    execute(dsn, orders(1, 1_000))
    loading = command(mine.model_copy(update={"home": disk.folder / "home"}))

    def passes() -> bool:
        done = disk.run(*loading)
        if done.returncode == 0:
            disk.content(tmp_path / "copies")
            assert unequal(dsn, tmp_path / "copies" / f"{SHOP.name}.duckdb") == []
            return True
        assert done.returncode == 1, done.stdout + done.stderr
        error = json.loads(done.stdout)["error"]
        assert set(error) == {"wrong", "right", "do"}
        assert any(word in error["wrong"] for word in ("disk is full", "No space left")), error
        return False

    for kilobytes in (0, 100):
        disk.leave(kilobytes)
        assert not passes()
    disk.leave(50_000)
    assert passes()
    before, failures = disk.content(tmp_path / "copies"), 0
    long = " || ".join(f"md5((order_id + {n})::text)" for n in range(4))
    execute(dsn, orders(2_001, 40_000), f"update ecommerce.orders set currency = {long}")
    for kilobytes in (0, 30, 300, 1_000, 2_000, 3_000, 4_000, 50_000):
        disk.leave(kilobytes)
        if passes():
            break
        failures += 1
        assert disk.content(tmp_path / "copies") == before, kilobytes
    assert failures >= 4
    disk.leave(50_000)
    assert passes()
