"""The demo: from an empty home to published marts, also when it is killed on the way."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from setia import embedded, publish
from setia.businesses import BUSINESSES
from setia.settings import load as load_settings

STEPS = ("init", "load", "transform", "publish")


def command(home: Path, business: str, *more: str) -> list[str]:
    small = ("--customers", "60", "--months", "2")
    return [sys.executable, "-m", "setia", "--home", str(home), "--json", "demo", business, *small, *more]


def demo(home: Path, business: str) -> dict[str, Any]:
    done = subprocess.run(command(home, business), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def running(home: Path) -> set[str]:
    if not (home / "ledger.sqlite").exists():
        return set()
    try:
        with sqlite3.connect(f"file:{home / 'ledger.sqlite'}?mode=ro", uri=True, timeout=1) as connection:
            query = "select step from runs where status = 'running'"
            return {row[0] for row in connection.execute(query).fetchall()}
    except sqlite3.OperationalError:
        return set()


def kill_in(home: Path, business: str, step: str, after: float) -> None:
    """Starts a demo and kills it with SIGKILL `after` seconds into a step."""
    process = subprocess.Popen(command(home, business), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and step not in running(home):
        time.sleep(0.002)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def published(home: Path, business: str) -> dict[str, bytes]:
    snapshot = publish.current(load_settings(home), BUSINESSES[business])
    assert snapshot is not None
    found = {path.name: path.read_bytes() for path in snapshot.folder.iterdir()}
    assert found
    return found


@pytest.mark.parametrize("business", list(BUSINESSES))
def test_killed_anywhere_and_run_again_gives_the_undisturbed_tables(tmp_path, business):
    said = demo(tmp_path / "calm", business)
    figures = said["businesses"][business]["headlines"]
    assert figures
    assert all(figure["value"] is not None for figure in figures), figures
    instants = random.Random(7)
    for step in STEPS:
        kill_in(tmp_path / "killed", business, step, instants.uniform(0, 0.3 if step != "transform" else 3))
    demo(tmp_path / "killed", business)
    assert published(tmp_path / "killed", business) == published(tmp_path / "calm", business)


def test_another_run_in_the_same_home_is_told_to_wait(tmp_path):
    first = subprocess.Popen(
        command(tmp_path, "ecommerce"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while first.poll() is None and not running(tmp_path):
        time.sleep(0.01)
    second = subprocess.run(command(tmp_path, "ecommerce"), capture_output=True, text=True, check=False)
    first.terminate()  # SIGKILL would leave its server running after the test
    first.wait()
    assert second.returncode == 1
    error = json.loads(second.stdout)["error"]
    assert f"process {first.pid}" in error["wrong"]
    assert set(error) == {"wrong", "right", "do"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_run_that_is_asked_to_end_leaves_no_server_behind(tmp_path, number, code):
    process = subprocess.Popen(
        command(tmp_path, "movie_streaming"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and "load" not in running(tmp_path):
        time.sleep(0.002)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "Traceback" not in said
    status = embedded.status(tmp_path / "postgres")
    assert status.made
    assert not status.running


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_asked_to_end_within_a_callback_of_a_fork_it_ends(tmp_path, number, code):
    """Python drops exceptions of such callbacks, so that the run would go on."""
    signal_in_first_fork = (
        "import itertools, os, runpy, signal, sys\n"
        "number, forks = int(sys.argv.pop()), itertools.count()\n"
        "os.register_at_fork(after_in_parent=lambda: next(forks) or signal.raise_signal(number))\n"
        "runpy.run_module('setia', run_name='__main__')\n"
    )
    arguments = command(tmp_path, "movie_streaming")[3:]
    process = subprocess.run(
        [sys.executable, "-c", signal_in_first_fork, *arguments, str(int(number))],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == code, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    assert not embedded.status(tmp_path / "postgres").running
