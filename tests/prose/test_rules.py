"""Each rule of `make prose` reports its finding at the right line, in each kind of file. These tests need Vale."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG = "a b c d e f g h i j " * 2 + "this whole sentence has 26 words."


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the check and its rules, and nothing to find."""
    if not shutil.which("vale"):
        pytest.fail("these tests need vale on the PATH: make prose says how to install it")
    (tmp_path / "ci").mkdir()
    shutil.copy(ROOT / "ci/prose.py", tmp_path / "ci")
    shutil.copy(ROOT / ".vale.ini", tmp_path)
    shutil.copytree(ROOT / ".vale", tmp_path / ".vale")
    return tmp_path


def check(
    project: Path, *names: str, environment: dict[str, str] | None = None
) -> tuple[int, list[str]]:
    """Run the check. Return its status and its lines of output."""
    result = subprocess.run(
        [sys.executable, project / "ci/prose.py", *names],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return result.returncode, (result.stdout + result.stderr).splitlines()


def findings(project: Path, name: str, text: str) -> list[tuple[int, str]]:
    """Return the line and the rule of each finding in a file."""
    (project / name).write_text(text)
    _, lines = check(project, name)
    return [
        (int(found[1]), found[2])
        for line in lines
        if (found := re.search(r":(\d+): .* \((\w+)\)$", line))
    ]


def test_plain_text_passes(project: Path) -> None:
    (project / "README.md").write_text("# Start\n\nRun `make up`. What happens next?\n")
    status, lines = check(project)
    assert status == 0
    assert len(lines) == 1
    assert re.fullmatch(r"2 passed, 0 failed in \d+\.\ds", lines[0])


def test_a_finding_fails_the_check_and_counts_its_file(project: Path) -> None:
    (project / "README.md").write_text("Whoever reads this.\n\nWhoever reads that.\n")
    status, lines = check(project)
    assert status == 1
    assert lines[0].startswith("README.md:1: ")
    assert lines[-1].startswith("1 passed, 1 failed in ")


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        (LONG, "SentenceLength"),
        ("What follows is written.", "Subjects"),
        ("How many it has is unknown.", "Subjects"),
        ("It serves whoever comes.", "Riddles"),
        ("The service answers.", "Terms"),
        ("It mends the file.", "Terms"),
        ("Each peer has one.", "Terms"),
        ("The value stands in a file.", "Terms"),
        ("Each service is its own.", "Terms"),
        ("It repeats the one before it.", "Terms"),
        ("The client is told.", "Terms"),
        ("It heard of the change.", "Terms"),
        ("Developers make a cat.", "Terms"),
        ("The server takes connections.", "Terms"),
        ("Type a word of make.", "Terms"),
        ("x" * 121, "LineLength"),
    ],
)
def test_a_rule_finds_its_pattern(project: Path, sentence: str, rule: str) -> None:
    assert findings(project, "page.md", f"# Page\n\n{sentence}\n") == [(3, rule)]


def test_code_spans_code_blocks_and_long_rows_are_no_findings(project: Path) -> None:
    code = f"Run `{LONG[:30]}`\nand `{LONG[30:]}`.\n\n```\nwhoever {'x' * 121}\n```\n"
    text = f"{code}\n| a |\n| --- |\n| {'x ' * 21}{'x' * 90} |\n"
    assert findings(project, "page.md", text) == []


def test_docstrings_comments_and_descriptions_of_python_are_checked(project: Path) -> None:
    module = f'''"""A module."""

x = 1
"""Where x is kept."""


def f():
    """Do it.

    It mends
    the file.
    """
    # It serves
    # whoever comes.
    g("whoever")  # It mends.


Field(
    description="{LONG}"
)
'''
    assert findings(project, "module.py", module) == [
        (4, "Docstrings"),
        (10, "Terms"),
        (14, "Riddles"),
        (15, "Terms"),
        (19, "SentenceLength"),
    ]


def test_templates_of_new_services_are_checked(project: Path) -> None:
    assert findings(project, "README.md.jinja", "# {{ name }}\n\nIt mends it.\n") == [(3, "Terms")]
    module = '"""A module."""\nfrom {{ package }} import settings\n# It mends {{ name }}.\n'
    assert findings(project, "main.py.jinja", module) == [(3, "Terms")]


@pytest.mark.parametrize(
    "name", ["x.yaml", "x.toml", "x.nix", "x.sh", ".env.example", "Makefile", "Dockerfile"]
)
def test_comments_of_other_files_are_checked(project: Path, name: str) -> None:
    text = "# It serves\n# whoever comes.\na = 'whoever'\n#   whoever --command\n# WHOEVER=1\nb = 1  # It mends.\n"
    assert findings(project, name, text) == [(2, "Riddles"), (6, "Terms")]


def test_without_vale_it_says_how_to_install_it(project: Path) -> None:
    status, lines = check(project, environment={**os.environ, "PATH": ""})
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("vale is missing: ")
