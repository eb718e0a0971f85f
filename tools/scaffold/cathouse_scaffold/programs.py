"""Run other programs of the development environment."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cathouse_scaffold.errors import ScaffoldError


def program(name: str) -> str:
    """Return the path of a program in this environment. It has priority over the PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return its output. Raises `ScaffoldError` with the output when it fails."""
    result = _finished(command, folder, environment)
    if result.returncode:
        raise ScaffoldError(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}".rstrip())
    return result.stdout


def output(command: Sequence[str], folder: Path) -> str | None:
    """Run a program and return its output, or None when it fails or is not installed."""
    try:
        result = _finished(command, folder)
    except FileNotFoundError:
        return None
    return None if result.returncode else result.stdout


def _finished(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
