"""The home directory's locks: one run at a time may write one business."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setia.errors import BusyError, WarehouseError
from setia.settings import Settings


def prepare(settings: Settings) -> Path:
    """The home, made when it is not there; raises WarehouseError when it can't be written."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / "locks").mkdir(exist_ok=True)
    except OSError as error:
        raise _unusable(settings, error) from None
    return settings.home


def _unusable(settings: Settings, error: OSError) -> WarehouseError:
    return WarehouseError(
        f"The home {settings.home} can't be used: {error.strerror}.",
        f"It must be a directory that this user (uid {os.getuid()}) may write, on a disk with space.",
        "Name another one:  setia --home DIR ...",
    )


@contextmanager
def hold(settings: Settings, business: str, step: str) -> Iterator[None]:
    """Holds one business of the home while inside; raises BusyError when another run does.

    An advisory lock of the operating system: it goes with the process, so a killed run leaves none.
    """
    path = prepare(settings) / "locks" / f"{business}.lock"
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise _unusable(settings, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _busy(settings, business, path) from None
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "step": step}, file)
        file.flush()
        yield


def _busy(settings: Settings, business: str, path: Path) -> BusyError:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {holder['pid']} ({holder['step']})"
    except (ValueError, KeyError):
        who = "another process"
    return BusyError(
        f"{business} in {settings.home} is held by {who}.",
        "One run at a time may write a business.",
        "Wait for it to end and repeat the command, or use another home:  setia --home DIR ...",
    )
