"""What a person sees: figures, tables, progress on the error stream, and errors in three parts."""

import json
import os
import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from setia.errors import SetiaError
from setia.pipeline import Progress as Report

RARE = ("unchanged", "released", "withdrawn", "deleted")
WHOLE_WIDTH = 24  # text up to here is not broken over lines


def figure(value: Any, unit: str, currency: str) -> str:
    """A value as people write it: `1,234`, `IDR 1,234.50`, `3.2 %`; `not known` for None."""
    if value is None:
        return "not known"
    if unit == "count":
        return f"{int(value):,}"
    if unit == "money":
        amount = f"{value:,.2f}"
        return f"{currency} {amount.removesuffix('.00')}"
    if unit == "percent":
        return f"{100 * value:.1f} %"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def table(title: str, rows: list[dict[str, Any]]) -> Group:
    """Rows of the same keys as a table; text is shown as it is, never as markup."""
    grid = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ["nothing"]:
        numeric = bool(rows) and isinstance(rows[0][name], int | float)
        cells = [_cell(row[name]) for row in rows]
        widest = max((len(cell) for cell in cells), default=0)
        words = max(len(word) for word in name.split("_"))
        grid.add_column(
            name.replace("_", " "),
            justify="right" if numeric else "left",
            overflow="fold",
            min_width=max(words, min(widest, WHOLE_WIDTH)),
        )
    for row in rows:
        grid.add_row(*(_cell(value) for value in row.values()))
    return Group(Text(title, style="bold", no_wrap=True), grid)


def counts(title: str, tables: dict[str, dict[str, int]]) -> Group:
    """Counts per table of a batch; the rare ones only where there are any."""
    rare = [name for name in RARE if any(figures.get(name) for figures in tables.values())]
    always = [name for name in next(iter(tables.values())) if name not in RARE]
    return table(
        title,
        [
            {"table": name} | {column: figures.get(column, 0) for column in (*always, *rare)}
            for name, figures in tables.items()
        ],
    )


def plain(text: str) -> str:
    """The text with its control characters shown and not obeyed: data must not drive the terminal."""
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf") else f"\\x{ord(char):02x}"
        for char in text
    )


def program(home: Path) -> str:
    """What to type to call this program again from here, in the same home."""
    called, found = Path(sys.argv[0]), shutil.which("setia")
    is_found = found is not None and Path(found).resolve() == called.resolve()
    name = "setia" if is_found or called.name != "setia" else os.path.relpath(called)
    if home == Path(".setia").resolve():
        return name
    shown = os.path.relpath(home) if home.is_relative_to(Path.cwd()) else str(home)
    return f"{shlex.quote(name)} --home {shlex.quote(shown)}"


def show(data: dict[str, Any], lines: list[Any], as_json: bool) -> None:
    """Prints one JSON object for programs, or the lines for people."""
    if as_json:
        sys.stdout.write(json.dumps(data, default=str, ensure_ascii=False, indent=2) + "\n")
        return
    console = Console(highlight=False, markup=False)
    for line in lines:
        line = plain(line) if isinstance(line, str) else line
        # A table that needs more than the window's width is not cropped: figures must stay whole.
        needed = console.measure(line, options=console.options.update(max_width=400)).minimum
        console.print(line, width=max(console.width, needed), crop=False, soft_wrap=isinstance(line, str))


def complain(error: SetiaError, as_json: bool, home: Path | None) -> None:
    """Prints the three parts of an error: on the error stream, or as JSON on the output.

    A command that it advises is written so that it works from here, in the same home.
    """
    do = re.sub(r"\bsetia (?=[a-z])", f"{program(home)} ", error.do) if home else error.do
    if as_json:
        parts = {"wrong": error.wrong, "right": error.right, "do": do}
        sys.stdout.write(json.dumps({"error": parts}, ensure_ascii=False, indent=2) + "\n")
        return
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for part, style in ((error.wrong, "bold red"), (error.right, ""), (do, "bold")):
        console.print(plain(part), style=style)


@contextmanager
def progress(prefix: str = "") -> Iterator[Report]:
    """A progress bar on the error stream: a bar in a terminal, silent when nobody watches."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(prefix, total=None)

        def report(what: str, done: int, of: int) -> None:
            bar.update(task, description=f"{prefix} {what}", completed=done, total=of or None)

        yield report


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return plain(str(value))
