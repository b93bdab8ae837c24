"""The documentation says what the program does: commands, settings, tables, paths and links are checked here."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
import yaml
from typer._click import Context

from setia import __version__, files, quarantine
from setia.businesses import BUSINESSES
from setia.cli import app
from setia.errors import SetiaError
from setia.mapping import read_mapping
from setia.settings import NOT_SETTINGS, Settings, names

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "examples").glob("*.md")])
READMES = (ROOT / "README.md", ROOT / "README.id.md")
PROGRAM: Any = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([\w./]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def text(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.M | re.S)


def prose(page: Path) -> str:
    """The page without its fenced code blocks."""
    return re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S)


def headings(page: Path) -> list[str]:
    return re.findall(r"^(#+ .*)", prose(page), re.M)


def links(page: Path) -> list[str]:
    return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(page))


def made(page: Path) -> list[str]:
    """The make targets that a page tells people to make."""
    told = re.findall(r"`make ([\w./]+)`", prose(page))
    return told + [
        target for block in blocks(page, "sh") for target in re.findall(r"^make ([\w./]+)", block, re.M)
    ]


def commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every call of setia in a code block or between backticks."""
    for page in [*PAGES, ROOT / ".env.example"]:
        told = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S))
        for block in re.findall(r"^```\w*\n(.*?)^```", text(page), re.M | re.S):
            told += [line.strip() for line in block.splitlines()]
        for line in told:
            words = re.sub(r"^(\$ )?(export )?([A-Z_]+=\S+ +)*(\.venv/bin/)?", "", line)
            if words.startswith("setia ") and "[" not in words and "..." not in words:
                yield page.name, words


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generator() -> Any:
    return load_generator()


def problem_of(command: str) -> str | None:
    """What the program would refuse in a command, without running it."""
    _, rest, _ = PROGRAM.make_parser(Context(PROGRAM)).parse_args(shlex.split(command, comments=True)[1:])
    if not rest:
        return None
    verb, *arguments = rest
    if verb not in PROGRAM.commands:
        return f"{verb} is not a verb"
    values, left, _ = (
        PROGRAM.commands[verb].make_parser(Context(PROGRAM.commands[verb])).parse_args(arguments)
    )
    business = values.get("business")
    if left or (isinstance(business, str) and business not in {*BUSINESSES, "BUSINESS"}):
        return f"{left or business} has no meaning"
    return None


def test_there_are_pages_and_verbs_to_check() -> None:
    assert len(PAGES) > 10
    assert len(PROGRAM.commands) >= 12
    assert len(Settings.model_fields) >= 5
    assert {"demo", "test", "setup", "docs"} <= TARGETS


def test_generated_parts_are_fresh(generator: Any) -> None:
    pages = generator.pages()
    assert len(pages) == 4
    assert [path.name for path, fresh in pages.items() if text(path) != fresh] == [], "type: make docs"


@pytest.mark.parametrize("page", ["", "<!-- generated: make docs -->", "<!-- end of the generated part -->"])
def test_a_page_without_its_two_markers_is_refused(generator: Any, page: str) -> None:
    with pytest.raises(ValueError, match="a page needs one"):
        generator.filled(page, "block")


@pytest.mark.parametrize("verb", PROGRAM.commands)
def test_every_verb_is_in_the_reference_and_has_an_example_that_works(verb: str) -> None:
    assert f"## {verb}" in headings(DOCS / "cli.md")
    example = PROGRAM.commands[verb].epilog or ""
    assert example.startswith(f"Example:  setia {verb}")
    assert problem_of(example.removeprefix("Example:  ")) is None


def test_every_setting_is_documented_with_its_default() -> None:
    reference, example = text(DOCS / "settings.md"), text(ROOT / ".env.example").splitlines()
    for name, (field, setting) in zip(names(), Settings.model_fields.items(), strict=True):
        default = "unset" if setting.default is None else f"`{setting.default}`"
        assert f"| `{name}` | `{field}` | {default} |" in reference
        assert f"# {name}={'' if setting.default is None else setting.default}" in example


def test_every_named_setting_exists() -> None:
    named = {word for page in PAGES for word in re.findall(r"SETIA_[A-Z_]+", text(page))}
    assert len(named) >= 5
    assert sorted(word for word in named if word not in names() and not word.startswith(NOT_SETTINGS)) == []


def test_every_command_in_the_documentation_parses() -> None:
    found = list(commands())
    assert len(found) > 30
    assert [(page, command, said) for page, command in found if (said := problem_of(command))] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("setia dance", "dance is not a verb"),
        ("setia load bakery", "bakery has no meaning"),
        ("setia --home H run ecommerce --source D  # as it is", None),
    ],
)
def test_a_command_is_judged(command: str, said: str | None) -> None:
    assert problem_of(command) == said


def test_an_unknown_option_is_noticed() -> None:
    with pytest.raises(Exception, match="--colour"):
        problem_of("setia load ecommerce --colour red")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = [
        link
        for link in links(page)
        if not link.startswith(("https:", "http:", "mailto:", "#"))
        and not (page.parent / link.partition("#")[0]).exists()
    ]
    assert broken == []


def test_links_are_found_and_the_index_has_every_page() -> None:
    assert sum(len(links(page)) for page in PAGES) > 30
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= set(links(DOCS / "index.md"))


def test_both_readmes_have_the_same_shape_and_commands() -> None:
    english, indonesian = READMES
    levels = [[heading.partition(" ")[0] for heading in headings(page)] for page in READMES]
    assert len(levels[0]) > 8
    assert levels[0] == levels[1]
    assert blocks(english, "sh") == blocks(indonesian, "sh") != []
    assert len(blocks(english, "text")) == len(blocks(indonesian, "text")) == 3
    assert made(english) == made(indonesian)
    others = [[link for link in links(page) if not link.startswith("README")] for page in READMES]
    assert others[0] == others[1] != []
    tables = [re.findall(r"^\|.*$", text(page), re.M) for page in READMES]
    assert len(tables[0]) == len(tables[1]) > 8
    told = [re.findall(r"`(?:\.venv|setia|make)[^`]*`", prose(page)) for page in READMES]
    assert told[0] == told[1] != []


def test_every_target_that_people_are_told_to_make_exists() -> None:
    told = {target for page in PAGES for target in made(page)}
    assert {"demo", "test"} <= told
    assert told - TARGETS == set()


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_every_path_of_the_tree_exists(page: Path) -> None:
    paths = re.findall(r"^(\S+/)\s{2,}\S", blocks(page, "text")[-1], re.M)
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).is_dir()] == []


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_shown_demo_has_every_headline(page: Path) -> None:
    shown = blocks(page, "text")[1]
    for business in BUSINESSES.values():
        assert business.title in shown
        assert [one.label for one in business.headlines if one.label not in shown] == []
    assert "Data through" in shown


def columns(business: str) -> dict[str, set[str]]:
    """The published tables of a business and their columns, as the YAML files describe them."""
    models = BUSINESSES[business].dbt_project / "models"
    found = [yaml.safe_load(path.read_text("utf-8")) for path in models.rglob("*.yml")]
    described = [model for content in found for model in content.get("models", [])]
    return {model["name"]: {column["name"] for column in model.get("columns", [])} for model in described}


@pytest.mark.parametrize("business", BUSINESSES)
def test_every_question_is_answered_by_columns_that_exist(business: str) -> None:
    known, answered = columns(business), 0
    for row in re.findall(r"^\|(.+\?) \|(.*)\|(.*)\|$", text(DOCS / f"{business}.md"), re.M):
        (table,) = re.findall(r"`(\w+)`", row[1])
        assert set(re.findall(r"`(\w+)`", row[2])) - known[table] == set()
        answered += 1
    assert answered > 5


def test_every_test_that_the_documentation_names_is_there() -> None:
    named = {name for page in PAGES for name in re.findall(r"`((?:test|assert)_\w+)`", text(page))}
    assert len(named) > 15
    there = {
        name
        for path in (ROOT / "tests").glob("*.py")
        for name in re.findall(r"^def (test_\w+)", text(path), re.M)
    }
    there |= {path.stem for path in (ROOT / "src").glob("setia/*/dbt/tests/*.sql")}
    assert sorted(named - there) == []


def test_every_rule_of_quarantine_is_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", text(DOCS / "files.md"), re.M)
    assert explained == list(quarantine.FIXES)


@pytest.mark.parametrize(
    ("place", "content", "mapping"),
    [(0, None, None), (1, 'file = "customers.csv"', None), (2, None, '[tables.customers.columnz]\nx = "y"')],
)
def test_the_shown_errors_are_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, content: str | None, mapping: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    shop, folder = BUSINESSES["ecommerce"], Path("exports")
    folder.mkdir()
    (folder / "customers.csv").write_text("id,mail\n")
    Path("exports.toml").write_text(mapping or (f"[tables.customers]\n{content}\n" if content else ""))
    with duckdb.connect() as connection, pytest.raises(SetiaError) as caught:
        files.open_source(connection, shop, folder, read_mapping(Path("exports.toml"), shop), "UTC")
    assert str(caught.value).strip() == blocks(DOCS / "files.md", "text")[place].strip()


def test_the_shown_mapping_has_a_meaning(tmp_path: Path) -> None:
    path = tmp_path / "exports.toml"
    path.write_text(blocks(DOCS / "files.md", "toml")[0])
    assert read_mapping(path, BUSINESSES["ecommerce"])["tables"]["orders"]["file"] == "sales.csv"


def test_decisions_are_dated_and_changes_name_the_version() -> None:
    parts = [part for part in re.split(r"\n\n+", text(ROOT / "DECISIONS.md")) if not part.startswith("#")]
    assert len(parts) > 20
    assert [part for part in parts[1:] if not re.match(r"\*\*\d{4}-\d\d-\d\d\. [^*]+\.\*\* ", part)] == []
    assert f"## {__version__}" in text(ROOT / "CHANGELOG.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert re.findall(r"@[A-Z]+@|\?\?\?|\bTBD\b|lorem ipsum|\bN\.NN\b", text(page)) == []


def test_the_license_is_apaches() -> None:
    assert text(ROOT / "LICENSE").lstrip().startswith("Apache License")
    assert "END OF TERMS AND CONDITIONS" in text(ROOT / "LICENSE")
