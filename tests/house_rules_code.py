"""The house rules of the Python code and of every file in the repository; each yields problem sentences."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES, FUNCTION_LINES, PARAMETERS = 400, 50, 6
MEANINGLESS = ("utils", "util", "helpers", "helper", "common", "base", "misc", "lib", "core")
THREE_PARTS = (
    "SetiaError",
    "UsageError",
    "SourceError",
    "WarehouseError",
    "BusyError",
    "TransformError",
    "PredictionError",
    "PublishError",
)
# Who may look at the environment, and why.
READS_ENVIRONMENT = {
    "settings.py": "it is where settings come from",
    "transform.py": "builds the environment of dbt's process",
    "embedded.py": "builds the environment of PostgreSQL's process",
}
# Written apart, so that this file does not break its own rule.
HOSTS = re.compile(
    "|".join(
        (
            r"\bpypi\." + r"org\b",
            r"python" + r"hosted\.org",
            r"registry\." + r"npmjs",
            r"proxy\.golang" + r"\.org",
            r"--(?:extra-)?index" + r"-url",
            r"--trusted" + r"-host",
            r"--find" + r"-links",
            r"\b(?:artifactory|jfrog|nexus)\.",
        )
    )
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}~/-])/(?:work|root|tmp|opt/pypi|home/\w+|Users/\w+)(?:/[\w.]|\b(?=[\s\"'`,;)]|$))"
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
SKIPPED = re.compile(
    r"\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|\bunittest\.mock\b|\bfrom unittest import mock"
)
# Skipped where the kernel gives no rights to mount, in a chroot for instance: those can't be installed.
SKIPS = {"test_exactly_once.py": "pytest." + "skip"}
# A path or a host that is meant, and why: {file: (text, reason)}.
MEANT: dict[str, tuple[str, str]] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tracked(repository: Path) -> list[Path]:
    """Every file that is in the repository or about to be; without git, every file outside hidden folders."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    if (repository / ".git").exists():
        found = subprocess.run(listed, cwd=repository, capture_output=True, check=True).stdout.decode()
        paths = [repository / name for name in found.split("\0") if name]
    else:
        hidden = (
            path
            for path in repository.rglob("*")
            if not path.relative_to(repository).parts[0].startswith(".")
        )
        paths = list(hidden)
    return [path for path in paths if path.is_file()]


def code_problems(path: Path, name: str) -> Iterator[str]:
    """What is wrong with one Python file; `name` is how the sentences call it."""
    text = path.read_text("utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield f"{name}: is not Python ({error.msg}, line {error.lineno})"
        return
    yield from module_problems(path, name, text)
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield from function_problems(node, name)
        if isinstance(node, ast.ExceptHandler):
            yield from handler_problems(node, name)
        if isinstance(node, ast.Raise):
            yield from error_problems(node, name)


def module_problems(path: Path, name: str, text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > MODULE_LINES:
        yield f"{name}: {lines} lines, {MODULE_LINES} at most"
    if path.stem in MEANINGLESS:
        yield f"{name}: the name {path.stem} says nothing"
    if UNFINISHED.search(text):
        yield f"{name}: has unfinished work in it ({UNFINISHED.findall(text)[0]})"


def function_problems(node: Function, name: str) -> Iterator[str]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > FUNCTION_LINES:
        yield f"{name}: {node.name} has {lines} lines, {FUNCTION_LINES} at most"
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    count = len([argument for argument in arguments if argument.arg not in ("self", "cls")])
    if count > PARAMETERS and not is_a_table_of_values(node):
        yield f"{name}: {node.name} has {count} parameters, {PARAMETERS} at most"


def is_a_table_of_values(node: Function) -> bool:
    """Whether nobody calls it by hand: typer fills it from options that people type, pytest from a table."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(word in text for text in decorators for word in ("command", "callback", "parametrize"))


def handler_problems(node: ast.ExceptHandler, name: str) -> Iterator[str]:
    if node.type is None:
        yield f"{name}: a bare except in line {node.lineno}"
        return
    broad = ast.unparse(node.type) in ("Exception", "BaseException")
    if broad and not any(
        isinstance(inner, ast.Raise) for statement in node.body for inner in ast.walk(statement)
    ):
        yield f"{name}: line {node.lineno} catches {ast.unparse(node.type)} and does not raise"


def error_problems(node: ast.Raise, name: str) -> Iterator[str]:
    if not isinstance(node.exc, ast.Call) or ast.unparse(node.exc.func).split(".")[-1] not in THREE_PARTS:
        return
    spread = any(isinstance(argument, ast.Starred) for argument in node.exc.args)
    if not spread and len(node.exc.args) + len(node.exc.keywords) != 3:
        yield f"{name}: the error in line {node.lineno} needs three parts: wrong, right, do"


def docstring_problems(path: Path, name: str) -> Iterator[str]:
    """What a reader can call and what nothing is said about."""
    tree = ast.parse(path.read_text("utf-8"))
    if not ast.get_docstring(tree) and path.read_text("utf-8").strip():
        yield f"{name}: the module has no docstring"
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else []
        for thing in [node, *members]:
            named = isinstance(thing, Function | ast.ClassDef)
            if named and not thing.name.startswith("_") and not ast.get_docstring(thing):
                yield f"{name}: {thing.name} has no docstring"


def environment_problems(path: Path, name: str) -> Iterator[str]:
    """Only the settings know the environment; everything else is handed a value."""
    if path.name in READS_ENVIRONMENT:
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"):
            yield f"{name}: line {node.lineno} reads the environment; only {', '.join(READS_ENVIRONMENT)} may"


def skip_problems(path: Path, name: str) -> Iterator[str]:
    """Tests run or fail; what they test is real."""
    for found in SKIPPED.findall(path.read_text("utf-8")):
        if SKIPS.get(path.name) == found:
            continue
        yield f"{name}: {found}; a test runs or fails, and its own code is not replaced"


def text_problems(path: Path, name: str) -> Iterator[str]:
    """Addresses of registries and paths of one machine, in any text file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return
    for pattern, what in ((HOSTS, "the registry address"), (MACHINE_PATHS, "the path of one machine")):
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if MEANT.get(name, ("", ""))[0] != match[0].strip():
                yield f"{name}: line {line} holds {what} {match[0].strip()}"
