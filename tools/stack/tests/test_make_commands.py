"""The commands of the Makefile that accept variables: programs get what was typed, and nothing of it is run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Each part would run, or vanish, where make or a shell reads the value.
ODD = (
    """a "b" 'c' $HOME $(shell touch ran) $$(touch ran) `touch ran`; touch ran | tee ran & \\ # %"""
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The Makefile, beside programs that print their arguments as JSON."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("Makefile", "services.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("cathouse-stack", "python"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\nprint(json.dumps([{name!r}, *sys.argv[1:]]))\n"
        )
        program.chmod(0o755)
    return folder


def run(repository: Path, *words: str, **environment: str) -> list[str]:
    """Return the program that make ran last, with its arguments."""
    result = subprocess.run(
        ["make", "-s", *words],
        cwd=repository,
        env={
            "PATH": f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CATHOUSE_NIX": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(path.name for path in repository.iterdir()) == ["Makefile", "services.toml"]
    command: list[str] = json.loads(result.stdout.splitlines()[-1])
    return command


@pytest.mark.parametrize("value", [ODD, "-k", "", "plain"])
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("test", {"ONLY": "--only", "ARGS": "--args"}),
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
def test_options_are_what_was_typed(
    repository: Path, command: str, options: dict[str, str], value: str
) -> None:
    words = run(repository, command, *(f"{name}={value}" for name in options))
    assert words[-len(options) :] == [f"{option}={value}" for option in options.values()]


def test_variables_of_the_shell_are_no_options(repository: Path) -> None:
    assert run(repository, "test", ONLY="services", ARGS="-x") == [
        "python",
        *("-m", "cathouse_stack", "test"),
    ]


@pytest.mark.parametrize("value", [ODD, "plain"])
def test_restart_gets_the_service_and_how_to_restart_it(repository: Path, value: str) -> None:
    words = run(repository, "restart", f"SERVICE={value}", "PROCESS_COMPOSE=runner")
    assert words[:3] == ["cathouse-stack", "restart", f"--service={value}"]
    assert words[4].startswith("runner process restart ")
