"""`setia` and `python -m setia`: ended from outside, it stops what it started and says how to go on."""

import signal
import sys


def main() -> None:
    """The console script."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        from setia.cli import app  # a second of imports, in which Ctrl-C may come

        app()
    except KeyboardInterrupt:
        sys.exit(130)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
