"""Writes the generated parts of the reference: verbs, settings, source tables, published tables.

    python docs/generate.py           writes the pages anew
    python docs/generate.py --check   exit code 1 when one of them is stale

A page keeps what people wrote; only what stands between its two markers is replaced.
"""

import ast
import inspect
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
import yaml
from typer._click import Context

from setia import settings as configuration
from setia.businesses import BUSINESSES
from setia.cli import app
from setia.schema import Business, Column, Predicted, Table
from setia.settings import Settings

DOCS = Path(__file__).resolve().parent
BEGIN, END = "<!-- generated: make docs -->", "<!-- end of the generated part -->"


def pages() -> dict[Path, str]:
    """Each page with a generated part, as it ought to be."""
    blocks = {"cli.md": cli(), "settings.md": settings(), "files.md": sources(), "marts.md": marts()}
    return {DOCS / name: filled((DOCS / name).read_text("utf-8"), block) for name, block in blocks.items()}


def filled(page: str, block: str) -> str:
    """The page with the block between its markers; ValueError when it has not exactly one pair of them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"a page needs one {BEGIN!r} and after it one {END!r}")
    return f"{before}{BEGIN}\n\n{block.strip()}\n\n{END}{after}"


def cli() -> str:
    """`--help` of the program and of every verb, 80 columns wide, without boxes or colours."""
    group: Any = typer.main.get_command(app)
    group.rich_markup_mode = None
    parent = Context(group, info_name="setia", terminal_width=80)
    parts = [f"## setia\n\n```text\n{group.get_help(parent)}\n```"]
    for name, command in group.commands.items():
        command.rich_markup_mode = None
        text = command.get_help(Context(command, info_name=name, parent=parent, terminal_width=80))
        parts.append(f"## {name}\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


def settings() -> str:
    """A table of every setting: its name, its default and its docstring."""
    described = docstrings(Settings)
    lines = ["| setting | in `setia.toml` | default | what it is |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = f"`{configuration.PREFIX}{name.upper()}`"
        lines.append(f"| {variable} | `{name}` | {shown(field.default)} | {described[name]} |")
    return "\n".join(lines)


def docstrings(of: type) -> dict[str, str]:
    """The text below each field of a class, by the field's name."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(of)).body if isinstance(node, ast.ClassDef))
    texts = {}
    for field, below in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            texts[field.target.id] = " ".join(str(below.value.value).split())
    return texts


def shown(default: Any) -> str:
    """A default as the page shows it."""
    return "unset" if default is None else f"`{default}`"


def sources() -> str:
    """Every source table of every business: its columns, what a source may lack, and what a value must be."""
    parts = []
    for business in BUSINESSES.values():
        parts.append(f"### {business.title}: `{business.name}`")
        for table in business.tables:
            absent = " The whole table may be absent." if table.optional else ""
            parts.append(f"**{table.raw}**. {table.description}{absent}")
            rows = ["| column | type | a source | rules | what it is |", "|---|---|---|---|---|"]
            rows += [_column(table, column) for column in table.columns]
            parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _column(table: Table, column: Column) -> str:
    rules = ["the key"] if column.name == table.key else []
    rules += [f"a row of {one.table}" for one in table.references if one.column == column.name]
    if not column.nullable:
        rules.append("never empty")
    if column.values:
        rules.append("one of " + ", ".join(column.values))
    if column.minimum is not None:
        rules.append(f"at least {column.minimum}")
    if column.maximum is not None:
        rules.append(f"at most {column.maximum}")
    if table.interval and column.name == table.interval[1]:
        rules.append(f"not before {table.interval[0]}")
    rules += [f"`{condition}`" for name, condition in table.checks if name == column.name]
    may = "may lack it" if column.optional else "has it"
    if column.derived_from:
        may = f"files may lack it: {column.derived_from.table} tell it"
    elif column.held_without:
        may = "files may lack it: every row is held"
    told = f"{_line(column.description)}{' *Personal.*' if column.personal else ''}"
    return f"| `{column.name}` | {column.type} | {may} | {_line('; '.join(rules))} | {told} |"


def marts() -> str:
    """Every published table of every business, with its description and its columns."""
    return "\n\n".join(_business(business) for business in BUSINESSES.values())


def models(business: Business) -> list[dict[str, Any]]:
    """What the YAML files say about each published model, in the order of the layers."""
    found = []
    for layer, prefix in business.published:
        described = []
        for path in sorted((business.dbt_project / "models" / layer).glob("*.yml")):
            for model in yaml.safe_load(path.read_text("utf-8")).get("models", []):
                if model["name"].startswith(prefix):
                    sql = (path.parent / f"{model['name']}.sql").read_text("utf-8")
                    described.append(model | {"layer": layer, "question": question(sql)})
        found += sorted(described, key=lambda model: str(model["name"]))
    return found


def question(sql: str) -> str:
    """The question that a model's first comment says it answers; empty when it says none."""
    found = re.search(r"Question:\s*([^?]*\?)", sql)
    return _line(found[1]) if found else ""


def _business(business: Business) -> str:
    parts = [f"## {business.title}", f"dbt project in `src/setia/{business.name}/dbt`."]
    for model in models(business):
        parts.append(f"### {model['name']}")
        parts.append(f"`{business.name}_{model['layer']}.{model['name']}`: {_line(model['description'])}")
        parts.append(f"*{model['question'][:1].upper()}{model['question'][1:]}*" if model["question"] else "")
        rows = ["| column | what it is |", "|---|---|"]
        for column in model["columns"]:
            meta = column.get("config", {}).get("meta", {})
            personal = " *Personal: published only when asked for.*" if meta.get("personal") else ""
            rows.append(f"| `{column['name']}` | {_line(column.get('description', ''))}{personal} |")
        parts.append("\n".join(rows))
    for predicted in business.predicted:
        parts.append(f"### {predicted.name}")
        parts.append(f"`{business.name}_ml.{predicted.name}`: {_line(predicted.description)}")
        rows = ["| column | what it is |", "|---|---|"]
        rows += [f"| `{column.name}` | {_line(column.description)} |" for column in predicted.columns]
        parts.append("\n".join([*rows, *_identities(predicted)]))
    return "\n\n".join(part for part in parts if part)


def _identities(predicted: Predicted) -> list[str]:
    return [
        "",
        f"Checked before it is written: {'; '.join(what for what, _ in predicted.identities)}.",
    ] * bool(predicted.identities)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Writes the stale pages, or with --check only names them; returns the exit code."""
    checking = "--check" in arguments
    stale = {path: text for path, text in pages().items() if path.read_text("utf-8") != text}
    for path, text in stale.items():
        if not checking:
            path.write_text(text, "utf-8")
        sys.stdout.write(f"{'stale' if checking else 'written'}: {path.name}\n")
    return 1 if stale and checking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
