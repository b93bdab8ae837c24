"""The one description that a table has: columns, keys, references and the rules a row must keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

Type = Literal["key", "string", "integer", "decimal", "float", "boolean", "date", "timestamp"]


@dataclass(frozen=True)
class Derivation:
    """Where a key that files lack is told: rows of `table` name this row in `reference`, and the key in `column`."""

    table: str
    reference: str
    column: str


@dataclass(frozen=True)
class Column:
    """One column of a source table.

    `optional`: a source may lack the column (it is then NULL in raw). `unsaid`: what is taken for granted then.
    `nullable`: a row may lack the value; a row without a value that it needs goes to quarantine.
    `derived_from`: files may lack the column; the value is the one that all those other rows agree on.
    `held_without`: files may lack the column; every row is in quarantine then, for the reason given here.
    `values`: what is accepted, compared trimmed and in lower case.
    `is_share`: 0-1, or 0-100 when at least half of the table's values above 0 exceed 1.
    A `key` is a whole number or a text, whichever the source's first load holds.
    """

    name: str
    type: Type
    description: str
    optional: bool = False
    nullable: bool = True
    personal: bool = False
    values: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    aliases: tuple[str, ...] = ()
    unsaid: str = ""
    derived_from: Derivation | None = None
    held_without: str = ""
    is_share: bool = False


@dataclass(frozen=True)
class Reference:
    """`column` holds the key of a row of `table`; a row whose parent is unknown is an orphan."""

    column: str
    table: str
    not_before: tuple[str, str] | None = None
    """(own event column, the parent's birth column): the event's day can't precede the parent's."""
    same: tuple[str, str] | None = None
    """(own column, the parent's column) that must agree, such as a payment's user."""


@dataclass(frozen=True)
class Table:
    """One source table. Its first column is its key."""

    name: str
    description: str
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()
    interval: tuple[str, str] | None = None
    """(start column, end column): an end before its start is impossible."""
    checks: tuple[tuple[str, str], ...] = ()
    """(column, SQL condition) pairs that a possible row keeps."""
    event: str | None = None
    """The column that dates a row; the newest of them says how far the data reaches."""
    sparse: bool = False
    """Rows are too few to say how far the data reaches, unless there is nothing else."""
    optional: bool = False

    @property
    def key(self) -> str:
        """The name of the primary key column."""
        return self.columns[0].name

    @property
    def raw(self) -> str:
        """The table's name in the warehouse."""
        return f"raw_{self.name}"

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")


@dataclass(frozen=True)
class Headline:
    """One figure that `demo` and `run` print: a query over the published tables giving one value."""

    label: str
    sql: str
    unit: Literal["count", "money", "percent", "date"]


@dataclass(frozen=True)
class RebuiltBy:
    """How the models that are built by month, day or user depend on a table.

    `days`: `own`, the day of the row's event; `all`, when a row that stays has another value; or SQL of the days
    up to `{last}`, in `{zone}`, that hang on `{keys}`; where no model is built by day, of one day of each month.
    `columns`: only other values of these count for days; empty: of any. `key`: the column whose values are the keys;
    empty: the table's key.

    `users`, where models are built by user: SQL of the users that hang on the keys of `{changes}`, each with the day
    from which on, which is NULL for all of a user's past; `{changes}` has a key and the first day of its events. Not
    beside SQL of days. `moved`: SQL of the users whom another as_of may show otherwise and the day from which on, for
    instants from `{instant}` on, which is in the local `{day}` or the day after it.
    """

    days: str = "own"
    columns: tuple[str, ...] = ()
    key: str = ""
    users: str = ""
    moved: str = ""


@dataclass(frozen=True)
class Predicted:
    """A table that `predict` writes. `keys` tell its rows apart.

    `identities` are (what holds, SQL condition that no row may break) pairs, checked before any row is written.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    identities: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Business:
    """A business: its tables, its dbt project and what of it is published.

    `published` holds (layer, prefix) pairs: the models of that layer whose names start so.
    `rebuilt_by` names the tables that models which are built by month, day or user depend on. `facts_of_all` are
    queries, as of `{as_of}`, whose answer every day depends on. `predicted` are the tables of scores.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    layers: tuple[str, ...]
    published: tuple[tuple[str, str], ...]
    folder: Path
    headlines: tuple[Headline, ...] = field(default=())
    rebuilt_by: Mapping[str, RebuiltBy] = field(default_factory=dict)
    facts_of_all: tuple[str, ...] = ()
    predicted: tuple[Predicted, ...] = ()

    @property
    def dbt_project(self) -> Path:
        """The folder of the dbt project, inside the installed package."""
        return self.folder / "dbt"

    def table(self, name: str) -> Table:
        """The table of that name; KeyError when there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"{self.name} has no table {name}")
