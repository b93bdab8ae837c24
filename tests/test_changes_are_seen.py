"""Nothing is lost however a PostgreSQL table is made, read, changed, or crashed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psutil
import pytest

from setia import change_tracking, embedded, postgres
from setia.data_folder import environment, programs
from setia.errors import SourceError
from setia.privileges import account_for
from setia.settings import Settings
from setia.settings import load as load_settings
from source_and_raw import SHOP, ask, execute, load, make, orders, unequal, warehouse


@pytest.fixture
def mine(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SETIA_POSTGRES_URL", dsn)
    return load_settings(tmp_path / "home")


@pytest.fixture(params=["with notes", "without notes"])
def reader(request: pytest.FixtureRequest, dsn: str) -> Iterator[str]:
    """A role that may connect and select; new sessions take it, as the server lets in its own user only."""
    make(dsn, "tracked")
    forget = (
        "revoke all on ecommerce._deleted from reader" if request.param == "without notes" else "select 1"
    )
    execute(
        dsn,
        "create role reader login",
        "grant usage on schema ecommerce to reader",
        "grant select on all tables in schema ecommerce to reader",
        forget,
        "alter role setia set role = 'reader'",
    )
    yield request.param
    execute(
        dsn,
        "set role none",
        "alter role setia reset role",
        "drop owned by reader cascade",
        "drop role reader",
    )


def test_reading_rights_are_enough_also_for_late_commits_that_are_hidden(dsn, mine, reader):
    def write(*statements: str) -> None:
        execute(dsn, "set role none", *statements)

    write(orders(1, 9), orders(10, customer=99))
    load(mine)
    with adbc.connect(dsn) as late, late.cursor() as cursor:
        cursor.execute("set role none")
        cursor.execute(orders(11))
        write(orders(12), "delete from ecommerce.orders where order_id in (1, 10)")
        hidden = (
            "select count(*) from pg_stat_activity where query like 'insert%' and backend_xid is not null"
        )
        assert ask(dsn, hidden) == [(0,)]
        load(mine)
        late.commit()
    write("update ecommerce.orders set order_id = 77 where order_id = 2")
    counts = load(mine).tables["orders"]
    assert (counts.deleted, counts.rows_in > 5) == (1, reader == "without notes")
    execute(dsn, "set role none", "alter role setia reset role")
    assert unequal(dsn, warehouse(mine)) == []


OFF, ON = (
    [f"alter table ecommerce.orders {what} trigger {name}" for name in change_tracking.TRIGGERS]
    for what in ("disable", "enable always")
)
MIX = [
    orders(20, 29),
    "update ecommerce.orders set shipping_cost = 7 where order_id < 4",
    "delete from ecommerce.orders where order_id = 5",
    "update ecommerce.orders set order_id = 50 where order_id = 6",
]
REPLICA, ORIGIN = (f"set session_replication_role = {role}" for role in ("replica", "origin"))
PARTITIONED = [
    "alter table ecommerce.orders rename to old",
    "create table ecommerce.orders (like ecommerce.old including all) partition by range (order_id)",
    "create table ecommerce.low partition of ecommerce.orders for values from (0) to (40)",
    "create table ecommerce.high partition of ecommerce.orders for values from (40) to (90)",
]
ATTACH = "alter table ecommerce.orders attach partition ecommerce.more for values from (90) to (99)"
COMPUTED = "alter table ecommerce.orders add tax_amount numeric(18, 4) generated always as (order_id * 2)"
# What happens to orders 1 to 9, and to 10, an orphan: before the first load, and then before each other one.
PAST: dict[str, list[list[str]]] = {
    "any change": [[], MIX],
    "triggers off and on at once": [[], [*OFF, *MIX, *ON]],
    "triggers off, and later on": [[], OFF, MIX, ON],
    "a replica's writes": [[], [REPLICA, *MIX, ORIGIN]],
    "truncated": [[], ["truncate ecommerce.orders"]],
    "truncated and filled": [[], ["truncate ecommerce.orders", orders(3, 12)], [orders(13)]],
    "truncated by a replica": [[], [REPLICA, "truncate ecommerce.orders", ORIGIN]],
    "stale numbers inserted": [
        [],
        [orders(20).replace("(", "(_changed, ", 1).replace("select", "select '3',")],
    ],
    "stale numbers set": [
        [],
        ["update ecommerce.orders set _changed = '3', tax_amount = 4 where order_id < 4"],
    ],
    "keys changed places": [
        [],
        ["update ecommerce.orders set order_id = -order_id where order_id in (1, 9)"],
        ["update ecommerce.orders set order_id = 10 + order_id where order_id < 0"],
    ],
    "an orphan deleted": [
        [],
        ["delete from ecommerce.orders where order_id = 10"],
        ["insert into ecommerce.customers (customer_id, created_at) values (99, '2024-01-01')"],
    ],
    "an orphan renumbered": [[], ["update ecommerce.orders set order_id = 51 where order_id = 10"]],
    "rewritten": [[], ["alter table ecommerce.orders alter shipping_cost type numeric(18, 2)"]],
    "converted": [[], ["alter table ecommerce.orders alter currency type text using 'IDR'"]],
    "computed otherwise": [
        ["alter table ecommerce.orders drop tax_amount", COMPUTED],
        ["alter table ecommerce.orders alter tax_amount set expression as (order_id * 3)"],
    ],
    "renamed, written, renamed back": [
        [],
        [
            "alter table ecommerce.orders rename to old",
            "delete from ecommerce.old where order_id = 3",
            "alter table ecommerce.old rename to orders",
        ],
    ],
    "partitions": [PARTITIONED, MIX, ["truncate ecommerce.low"]],
    "partitions attached and detached": [
        PARTITIONED,
        ["create table ecommerce.more (like ecommerce.orders including all)", orders(91, 95, into="more")],
        [orders(30)],
        [ATTACH],
        ["alter table ecommerce.orders detach partition ecommerce.low"],
    ],
    "inherited": [
        ["create table ecommerce.child () inherits (ecommerce.orders)", orders(20, 29, into="child")],
        ["update ecommerce.child set tax_amount = 5", "delete from ecommerce.child where order_id = 21"],
    ],
}
NEEDS_TRACKING = ("triggers", "stale")


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (kind, way)
        for kind in ("tracked", "plain")
        for way in PAST
        if kind == "tracked" or not way.startswith(NEEDS_TRACKING)
    ],
)
def test_nothing_is_lost_however_a_table_is_made_and_changed(dsn, mine, kind, way):
    make(dsn, "plain")
    before, *steps = PAST[way]
    execute(dsn, *before, orders(1, 9), orders(10, customer=99))
    if kind == "tracked":
        with postgres.transaction(dsn) as cursor:
            postgres.create(cursor, SHOP)
    load(mine)
    assert unequal(dsn, warehouse(mine)) == []
    for step in steps:
        execute(dsn, *step)
        load(mine)
        assert unequal(dsn, warehouse(mine)) == [], step


def test_a_key_noted_as_deleted_and_there_again_stays(dsn, mine):
    """The one who inserts it again began before the one who deleted it, and a third is open all the time."""
    make(dsn, "tracked")
    execute(dsn, orders(1, 3))
    load(mine)
    with (
        adbc.connect(dsn) as early,
        early.cursor() as insert,
        adbc.connect(dsn) as long,
        long.cursor() as other,
    ):
        insert.execute(orders(50))
        other.execute(orders(60))
        execute(dsn, "delete from ecommerce.orders where order_id = 1")
        insert.execute(orders(1))
        early.commit()
        for _ in range(2):
            load(mine)
            assert unequal(dsn, warehouse(mine)) == []
        long.commit()
    load(mine)
    assert unequal(dsn, warehouse(mine)) == []


@pytest.mark.parametrize("style", ["SQL, DMY", "German", "Postgres, MDY"])
def test_a_server_that_writes_dates_its_own_way_is_read(dsn, mine, style):
    make(dsn, "tracked")
    execute(dsn, f"alter role setia set datestyle = '{style}'")
    try:
        load(mine)
        load(mine)
    finally:
        execute(dsn, "alter role setia reset datestyle")
    assert unequal(dsn, warehouse(mine)) == []


@pytest.mark.parametrize("keys", [("1", "01"), ("1", "1.0"), ("1", "+1")])
def test_two_texts_that_are_two_keys_in_the_source_are_two_rows(dsn, mine, keys):
    make(dsn, "undated")
    execute(
        dsn,
        "drop table ecommerce.customers",
        "create table ecommerce.customers (customer_id text primary key, email text, first_name text,"
        " last_name text, country text, created_at timestamptz)",
    )
    for key in keys:
        execute(dsn, f"insert into ecommerce.customers (customer_id) values ('{key}')")
        load(mine)
    with duckdb.connect(str(warehouse(mine)), read_only=True) as connection:
        raw = connection.execute("select customer_id::varchar from ecommerce_raw.raw_customers").fetchall()
        held = connection.execute("select _key from ecommerce_quarantine.raw_customers").fetchall()
    assert len(raw + held) == len({*raw, *held}) == 2, (raw, held)


@pytest.mark.parametrize("kind", ["tracked", "plain"])
def test_rows_that_a_policy_lets_the_reader_see_later_arrive(dsn, mine, kind):
    make(dsn, kind)
    execute(
        dsn,
        orders(1, 9),
        "create role reader login",
        "grant usage on schema ecommerce to reader",
        "grant select on all tables in schema ecommerce to reader",
        "alter table ecommerce.orders enable row level security",
        "create policy shown on ecommerce.orders for select to reader using (order_id <> 2)",
        "alter role setia set role = 'reader'",
    )
    try:
        load(mine)
        execute(dsn, "set role none", "alter policy shown on ecommerce.orders using (order_id <> 3)")
        load(mine)
    finally:
        execute(dsn, "set role none", "alter role setia reset role")
        execute(dsn, "delete from ecommerce.orders where order_id = 3")
        execute(dsn, "drop owned by reader cascade", "drop role reader")
    assert unequal(dsn, warehouse(mine)) == []


# ---- crashes, and numbers that begin again ---------------------------------------------------


@dataclass
class Server:
    """A server of its own, which can crash."""

    folder: Path
    users: ExitStack
    monkeypatch: pytest.MonkeyPatch
    dsn: str = ""

    def start(self) -> None:
        self.dsn = self.users.enter_context(embedded.server(self.folder))
        self.monkeypatch.setenv("SETIA_POSTGRES_URL", self.dsn)

    @property
    def home(self) -> Settings:
        return load_settings(self.folder.parent / "home")

    def crash(self) -> None:
        """Every process at once, before any of them can write what it holds."""
        postmaster = psutil.Process(embedded.status(self.folder).pid or 0)
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.suspend()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, 20)

    def program(self, name: str, *words: str, says: str = "") -> None:
        account = account_for(self.folder / "data", programs())
        command = [str(programs() / name), *words]
        options: dict[str, Any] = {"input": says, "env": environment(), "cwd": "/"} | account.process_options
        done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with ExitStack() as users:
        made = Server(tmp_path / "postgres", users, monkeypatch)
        made.start()
        yield made


def test_a_crash_of_the_server_between_loads_and_during_one_loses_nothing(server):
    make(server.dsn, "tracked")
    execute(
        server.dsn, orders(1, 9), "alter table ecommerce.customers disable trigger all"
    )  # one of each kind
    load(server.home)
    with adbc.connect(server.dsn, autocommit=True) as alone, alone.cursor() as cursor:
        cursor.execute("alter system set max_prepared_transactions = 5")
    execute(server.dsn, orders(10, 12), "update ecommerce.customers set email = 'before'")
    server.crash()
    server.start()
    with adbc.connect(server.dsn) as prepared, prepared.cursor() as cursor:
        cursor.execute(orders(13))
        cursor.execute("prepare transaction 'late'")
    execute(server.dsn, orders(14), "delete from ecommerce.orders where order_id = 10")
    load(server.home)
    assert unequal(server.dsn, warehouse(server.home)) == []
    with adbc.connect(server.dsn, autocommit=True) as alone, alone.cursor() as cursor:
        cursor.execute("commit prepared 'late'")
    with adbc.connect(server.dsn) as locker, locker.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("lock table ecommerce.orders in access exclusive mode")
        waiting = pool.submit(load, server.home)
        while not ask(server.dsn, "select 1 from pg_locks where not granted"):
            assert not waiting.done()
        server.crash()
        with pytest.raises(SourceError, match=r"PostgreSQL|orders"):
            waiting.result()
    server.start()
    load(server.home)
    assert unequal(server.dsn, warehouse(server.home)) == []


@pytest.mark.parametrize("kind", ["tracked", "plain"])
def test_a_crash_after_which_numbers_are_given_out_again_loses_nothing(server, kind):
    """Transactions that left nothing behind are forgotten by a crash, and others get their numbers."""
    make(server.dsn, kind)
    execute(server.dsn, orders(1, 9))
    load(server.home)
    with suppress(adbc.Error), adbc.connect(server.dsn) as undone, undone.cursor() as cursor:
        for key in range(100, 140):
            cursor.execute(orders(key))
            undone.rollback()
        load(server.home)
        server.crash()
    server.start()
    for key in range(200, 280):
        execute(server.dsn, orders(key))
    load(server.home)
    assert unequal(server.dsn, warehouse(server.home)) == []


@pytest.mark.parametrize("kind", ["tracked", "plain"])
def test_an_unlogged_table_that_a_crash_emptied_is_seen_empty(server, kind):
    make(server.dsn, kind)
    execute(server.dsn, "alter table ecommerce.orders set unlogged", orders(1, 9))
    load(server.home)
    server.crash()
    server.start()
    load(server.home)
    assert unequal(server.dsn, warehouse(server.home)) == []


@pytest.mark.parametrize("kind", ["tracked", "plain"])
def test_loads_go_on_where_transaction_numbers_begin_again(server, kind):
    data = server.folder / "data"
    server.users.close()
    for number in (2_000_000_000, 4_000_000_000, 2**32 - 80):
        single = ("--single", "-D", str(data))
        server.program("postgres", *single, "postgres", says="update pg_database set datallowconn = true\n")
        for database in ("setia", "postgres", "template1", "template0"):
            server.program("postgres", *single, database, says="vacuum freeze\n")
        segment = data / "pg_xact" / f"{number // 2**20:04X}"
        segment.write_bytes(bytes(2**18))
        shutil.copystat(data / "PG_VERSION", segment)
        os.chown(segment, data.stat().st_uid, data.stat().st_gid)
        server.program("pg_resetwal", "-f", "-x", str(number), "-D", str(data))
    server.start()
    make(server.dsn, kind)
    load(server.home)
    with adbc.connect(server.dsn) as late, late.cursor() as cursor:
        cursor.execute(orders(1))
        for key in range(2, 102):
            execute(server.dsn, orders(key), f"update ecommerce.customers set email = '{key}'")
            if key % 20 == 0:
                load(server.home)
                assert unequal(server.dsn, warehouse(server.home)) == []
        late.commit()
    assert int(ask(server.dsn, "select pg_current_xact_id()::text")[0][0]) > 2**32
    load(server.home)
    assert unequal(server.dsn, warehouse(server.home)) == []
    execute(server.dsn, "delete from ecommerce.orders where order_id = 1")
    assert load(server.home).tables["orders"].deleted == 1
