"""`setia` and `python -m setia`: ended from outside, it stops what it started and says how to go on."""

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ASK_AGAIN_AFTER = 0.01  # seconds


def main() -> None:
    """The console script."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    sys.unraisablehook = _ask_again
    try:
        from setia.cli import app  # a second of imports, in which Ctrl-C may come

        app()
    except KeyboardInterrupt:
        sys.exit(130)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


def _ask_again(lost: "UnraisableHookArgs") -> None:
    """Python drops what is raised in a callback, such as those after a fork: an end asked for there comes again.

    Seen in CI: SIGTERM came within `logging`'s callback after a fork; the run went on to its end and exited with 0.
    """
    if not isinstance(lost.exc_value, (SystemExit, KeyboardInterrupt)):
        sys.__unraisablehook__(lost)
        return
    asked = type(lost.exc_value)(*lost.exc_value.args)

    def raise_it(*_: object) -> None:
        raise asked

    signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, ASK_AGAIN_AFTER)


if __name__ == "__main__":
    main()
