"""Commands that cannot run are refused with one line, before anything starts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cathouse_kit.registry import load_registry

ROOT = Path(__file__).parents[3]
OF_A_SERVICE = {
    "restart": ["--with", "false"],
    "psql": [],
    "shell": [],
    "migration": ["--name=add nicknames"],
}


def refusal(folder: Path, *command: str) -> str:
    shutil.copy(ROOT / "services.toml", folder)
    result = subprocess.run(
        [sys.executable, "-m", "cathouse_stack", *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", OF_A_SERVICE)
def test_a_missing_service_an_unknown_service_and_a_stopped_stack_are_refused(
    tmp_path: Path, command: str
) -> None:
    arguments = [command, *OF_A_SERVICE[command]]
    services = ", ".join(service.name for service in load_registry(ROOT / "services.toml"))
    assert refusal(tmp_path, *arguments).endswith(f"Use one of {services}")
    assert refusal(tmp_path, *arguments, "--service=cat").startswith("SERVICE=cat: ")
    assert refusal(tmp_path, *arguments, "--service=catalog").endswith("make up")


@pytest.mark.parametrize("name", ["", "  "])
def test_a_migration_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    said = refusal(tmp_path, "migration", "--service=catalog", f"--name={name}")
    assert said == 'A migration needs a name: make migration SERVICE=catalog NAME="add nicknames"'


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_stopped_stack_is_refused(tmp_path: Path, command: str) -> None:
    assert refusal(tmp_path, command).endswith("make up")


def test_another_value_of_follow_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "logs", "--follow=maybe") == (
        "FOLLOW=maybe is not valid: use yes or no"
    )
