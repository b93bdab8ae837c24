"""The frame of every verb: the options that verbs share, the global ones, and how a verb ends."""

import functools
import sqlite3
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from setia import load as loading
from setia import terminal
from setia.businesses import BUSINESSES
from setia.errors import SetiaError, WarehouseError

Name = Annotated[
    str | None, typer.Argument(metavar="BUSINESS", help=f"{' or '.join(BUSINESSES)}; all when left out.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
Customers = Annotated[int, typer.Option(help="How many customers arrive in all.")]
Months = Annotated[int, typer.Option(help="How long the history is.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same data.")]
SourceDir = Annotated[
    Path | None,
    typer.Option("--source", help="A folder of raw_<table>.csv or .parquet instead of PostgreSQL."),
]
Mapping = Annotated[Path | None, typer.Option(help="TOML file that maps a user's own names to ours.")]
AsOf = Annotated[
    str | None, typer.Option(help="The date or instant to speak of; default: as far as the data reaches.")
]
Full = Annotated[
    bool, typer.Option("--full", help="Read everything; what is gone from the source is deleted.")
]
Result = tuple[dict[str, Any], list[Any]]


@dataclass(frozen=True)
class Call:
    """The options that stand before the verb."""

    home: Path | None = None
    json: bool = False
    debug: bool = False


CALL = ContextVar("CALL", default=Call())  # noqa: B039


def verb(function: Callable[..., Result]) -> Callable[..., None]:
    """Runs a verb's function and prints what it returns, or its error; sets the exit code."""

    @functools.wraps(function)
    def run(**arguments: Any) -> None:
        call = CALL.get()
        as_json = call.json or arguments["json"]
        try:
            data, lines = function(**arguments)
            terminal.show(data, lines, as_json)
        except SetiaError as error:
            failure = error
        except BrokenPipeError:
            raise
        except (OSError, sqlite3.Error) as error:
            failure = _system(error, call)
        except duckdb.Error as error:
            failure = loading.explain(error)
        except (KeyboardInterrupt, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "interrupted" not in str(error):
                raise  # DuckDB's word for Ctrl-C during a query is "Query interrupted"
            sys.stderr.write("Interrupted. What is done stays; the same command goes on.\n")
            raise typer.Exit(130) from None
        else:
            if data.get("ok") is False:
                raise typer.Exit(1)
            return
        if call.debug:
            raise failure
        terminal.complain(failure, as_json, call.home and call.home.expanduser().resolve())
        raise typer.Exit(failure.exit_code)

    return run


def _system(error: Exception, call: Call) -> SetiaError:
    return WarehouseError(
        f"The system refused: {error} (home: {call.home or 'as set'})",
        "Nothing was lost: every step is undone or finished as a whole.",
        "Mend the cause (space, rights, a missing folder) and repeat the command.",
    )
