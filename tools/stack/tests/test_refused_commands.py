"""Commands for one service that cannot be done: one line each, before anything is started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OF_A_SERVICE = {
    "restart": ["--with", "false"],
    "psql": [],
    "shell": [],
    "migration": ["--name=add nicknames"],
}


def refusal(folder: Path, *words: str) -> str:
    shutil.copy(ROOT / "services.toml", folder)
    result = subprocess.run(
        [sys.executable, "-m", "cathouse_stack", *words],
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
def test_a_missing_service_an_unknown_one_and_a_stack_that_is_down(
    tmp_path: Path, command: str
) -> None:
    words = [command, *OF_A_SERVICE[command]]
    assert "Known are auth, catalog, " in refusal(tmp_path, *words)
    assert refusal(tmp_path, *words, "--service=cat").startswith("SERVICE=cat: ")
    assert refusal(tmp_path, *words, "--service=catalog").endswith("make up")


@pytest.mark.parametrize("name", ["", "  "])
def test_a_migration_without_a_name(tmp_path: Path, name: str) -> None:
    said = refusal(tmp_path, "migration", "--service=catalog", f"--name={name}")
    assert said == 'Say what changes: make migration SERVICE=catalog NAME="add nicknames"'


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_stack_that_is_down(tmp_path: Path, command: str) -> None:
    assert refusal(tmp_path, command).endswith("make up")


def test_logs_that_are_neither_followed_nor_not(tmp_path: Path) -> None:
    assert refusal(tmp_path, "logs", "--follow=maybe") == "FOLLOW=maybe: give yes or no"
