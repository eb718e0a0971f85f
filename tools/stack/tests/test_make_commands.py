"""The commands of the Makefile that accept variables. Programs receive the typed value, and no shell runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# If make or a shell interpreted the value, a part of it would run or disappear.
ODD = (
    """a "b" 'c' $HOME $(shell touch ran) $$(touch ran) `touch ran`; touch ran | tee ran & \\ # %"""
)

CHECKERS = ("ruff", "codespell", "mypy", "cathouse-scaffold")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a folder with the Makefile and with programs that print their arguments as JSON."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("Makefile", "services.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("cathouse-stack", "python", *CHECKERS):
        program(folder, name, f"print(json.dumps([{name!r}, *sys.argv[1:]]))")
    return folder


def program(repository: Path, name: str, code: str) -> None:
    """Write a program that make finds before all other programs of this name."""
    path = repository.parent / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport json, sys\n{code}\n")
    path.chmod(0o755)


def make(repository: Path, *typed: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", *typed],
        cwd=repository,
        env={
            "PATH": f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CATHOUSE_NIX": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def run(repository: Path, *typed: str, **environment: str) -> list[str]:
    """Return the last program that make ran, with its arguments."""
    result = make(repository, *typed, **environment)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in repository.iterdir()) == ["Makefile", "services.toml"]
    command: list[str] = json.loads(result.stdout.splitlines()[-1])
    return command


@pytest.mark.parametrize("value", [ODD, "-k", "", "plain"])
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("test", {"ONLY": "--only", "ARGS": "--args"}),
        ("coverage", {"ONLY": "--only", "ARGS": "--args"}),
        ("watch", {"ONLY": "--only", "ARGS": "--args"}),
        (
            "logs",
            {
                "SERVICE": "--service",
                "LEVEL": "--level",
                "REQUEST": "--request",
                "FOLLOW": "--follow",
            },
        ),
        ("psql", {"SERVICE": "--service"}),
        ("shell", {"SERVICE": "--service"}),
        ("migration", {"SERVICE": "--service", "NAME": "--name"}),
    ],
)
def test_the_typed_values_become_options(
    repository: Path, command: str, options: dict[str, str], value: str
) -> None:
    arguments = run(repository, command, *(f"{name}={value}" for name in options))
    assert arguments[-len(options) :] == [f"{option}={value}" for option in options.values()]


def test_variables_of_the_shell_are_ignored(repository: Path) -> None:
    assert run(repository, "test", ONLY="services", ARGS="-x") == [
        "python",
        *("-m", "cathouse_stack", "test"),
    ]


@pytest.mark.parametrize("value", [ODD, "plain"])
def test_restart_gets_the_service_and_how_to_restart_it(repository: Path, value: str) -> None:
    arguments = run(repository, "restart", f"SERVICE={value}", "PROCESS_COMPOSE=runner")
    assert arguments[:3] == ["cathouse-stack", "restart", f"--service={value}"]
    assert arguments[4].startswith("runner process restart ")


def test_a_check_without_findings_prints_no_fixes(repository: Path) -> None:
    result = make(repository, "check")
    assert result.returncode == 0
    assert {json.loads(line)[0] for line in result.stdout.splitlines()} == set(CHECKERS)
    assert "To fix this" not in result.stderr


def test_each_check_runs_after_failed_ones_and_names_its_fix(repository: Path) -> None:
    for name in CHECKERS:
        program(repository, name, f"sys.exit('{name}: a finding')")
    result = make(repository, "check")
    assert result.returncode != 0
    lines = result.stderr.splitlines()
    findings = [number for number, line in enumerate(lines) if line.endswith(": a finding")]
    assert all(lines[found + 1].startswith("To fix this: ") for found in findings)
    assert [lines[found].partition(":")[0] for found in findings] == [
        "ruff", "ruff", "codespell", "mypy", "mypy", "cathouse-scaffold", "cathouse-scaffold",
    ]  # fmt: skip
    assert "To fix this: make fix" in lines
    assert "To fix this: make render" in lines


def test_one_finding_fails_the_check(repository: Path) -> None:
    program(repository, "ruff", "sys.exit('format' in sys.argv)")
    assert make(repository, "check").returncode != 0


def test_fix_applies_fixes_then_format_then_generated_files(repository: Path) -> None:
    commands = [json.loads(line) for line in make(repository, "fix").stdout.splitlines()]
    assert [command[:2] for command in commands] == [
        ["ruff", "check"],
        ["ruff", "format"],
        ["cathouse-scaffold", "render"],
    ]
    assert "--fix" in commands[0]
