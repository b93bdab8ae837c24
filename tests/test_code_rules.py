"""The rules of the Python code and of all files, run on the repository; and each run on one bad example."""

from pathlib import Path

import pytest

import house_rules_code as code

REPOSITORY = Path(__file__).parent.parent
FILES = code.tracked(REPOSITORY)
PYTHON = [path for path in FILES if path.suffix == ".py"]
SOURCE = [path for path in PYTHON if path.is_relative_to(REPOSITORY / "src")]
TESTS = [path for path in PYTHON if path.is_relative_to(REPOSITORY / "tests")]


def called(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_there_are_files_to_judge() -> None:
    assert len(FILES) > len(PYTHON) > len(SOURCE) > 15
    assert len(TESTS) > 3


def test_every_module_and_function_is_of_readable_size() -> None:
    problems = [problem for path in PYTHON for problem in code.code_problems(path, called(path))]
    assert not problems, "\n".join(problems)


def test_what_can_be_called_is_described() -> None:
    problems = [problem for path in SOURCE for problem in code.docstring_problems(path, called(path))]
    assert not problems, "\n".join(problems)


def test_only_the_settings_read_the_environment() -> None:
    assert all((REPOSITORY / "src" / "setia" / name).exists() for name in code.READS_ENVIRONMENT)
    problems = [problem for path in SOURCE for problem in code.environment_problems(path, called(path))]
    assert not problems, "\n".join(problems)


def test_tests_run_or_fail() -> None:
    problems = [problem for path in TESTS for problem in code.skip_problems(path, called(path))]
    assert not problems, "\n".join(problems)


def test_no_file_names_a_registry_or_one_machine() -> None:
    problems = [problem for path in FILES for problem in code.text_problems(path, called(path))]
    assert not problems, "\n".join(problems)


SLASH = "/"
BAD_CODE = {
    "def f(:\n": "bad.py: is not Python (invalid syntax, line 1)",
    "x = 1\n" * 401: "bad.py: 401 lines, 400 at most",
    "def long():\n" + "    x = 1\n" * 50: "bad.py: long has 51 lines, 50 at most",
    "def wide(a, b, c, d, e, f, *, g): ...\n": "bad.py: wide has 7 parameters, 6 at most",
    "# TO" + "DO: later\n": "bad.py: has unfinished work in it (TO" + "DO)",
    "try:\n    x\nexcept:\n    raise\n": "bad.py: a bare except in line 3",
    "try:\n    x\nexcept Exception:\n    pass\n": "bad.py: line 3 catches Exception and does not raise",
    "raise SourceError('gone')\n": "bad.py: the error in line 1 needs three parts: wrong, right, do",
}


@pytest.mark.parametrize(("text", "problem"), BAD_CODE.items(), ids=BAD_CODE.values())
def test_bad_code_gives_one_problem(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    assert list(code.code_problems(tmp_path / "bad.py", "bad.py")) == [problem]


def test_good_code_gives_none(tmp_path: Path) -> None:
    good = (
        '"""A module."""\n'
        "def f(self, a, b, c, d, e, g): ...\n"
        "@app.command()\ndef verb(a, b, c, d, e, f, g): ...\n"
        "try:\n    f()\nexcept Exception as error:\n    raise SourceError('a', 'b', 'c') from error\n"
    )
    (tmp_path / "good.py").write_text(good)
    assert list(code.code_problems(tmp_path / "good.py", "good.py")) == []


def test_a_module_named_for_nothing_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("x = 1\n")
    problems = list(code.code_problems(tmp_path / "helpers.py", "helpers.py"))
    assert problems == ["helpers.py: the name helpers says nothing"]


def test_what_nothing_is_said_about_is_a_problem(tmp_path: Path) -> None:
    text = "class Box:\n    '''A box.'''\n    def open(self): ...\n    def _lid(self): ...\ndef find(): ...\n"
    (tmp_path / "bad.py").write_text(text)
    assert list(code.docstring_problems(tmp_path / "bad.py", "bad.py")) == [
        "bad.py: the module has no docstring",
        "bad.py: open has no docstring",
        "bad.py: find has no docstring",
    ]


@pytest.mark.parametrize("read", ["os.environ['HOME']", "os.getenv('HOME')", "dict(os.environ)"])
def test_reading_the_environment_is_a_problem(tmp_path: Path, read: str) -> None:
    (tmp_path / "bad.py").write_text(f"import os\nhome = {read}\n")
    problems = list(code.environment_problems(tmp_path / "bad.py", "bad.py"))
    assert len(problems) == 1
    assert "line 2 reads the environment" in problems[0]
    (tmp_path / "settings.py").write_text(f"import os\nhome = {read}\n")
    assert list(code.environment_problems(tmp_path / "settings.py", "settings.py")) == []


@pytest.mark.parametrize(
    "way", ["pytest.sk" + "ip('x')", "pytest.mark.xf" + "ail", "from unittest import mo" + "ck"]
)
def test_a_test_that_does_not_run_is_a_problem(tmp_path: Path, way: str) -> None:
    (tmp_path / "test_bad.py").write_text(f"{way}\n")
    assert len(list(code.skip_problems(tmp_path / "test_bad.py", "test_bad.py"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        SLASH + "root/.cache",
        "see " + SLASH + "work/main",
        "'" + SLASH + "tmp/x'",
        SLASH + "home/ani/shop",
        SLASH + "Users/ani/shop",
        "https://py" + "pi.org/simple",
        "pip install --index" + "-url x",
    ],
)
def test_a_machine_or_a_registry_in_a_file_is_a_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.md").write_text(f"First line.\n{text}\n")
    problems = list(code.text_problems(tmp_path / "notes.md", "notes.md"))
    assert len(problems) == 1
    assert problems[0].startswith("notes.md: line 2 holds")


@pytest.mark.parametrize(
    "text", ["src/work/x", "tree/root/x", "the home/office", "/usr/share/zoneinfo", "and/or"]
)
def test_other_paths_are_fine(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.md").write_text(f"{text}\n")
    assert list(code.text_problems(tmp_path / "notes.md", "notes.md")) == []
