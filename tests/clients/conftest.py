"""The generators and Node of `make clients`, and one running platform."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ..journey.platform import Platform, running_platform

ROOT = Path(__file__).parents[2]
TYPESCRIPT = ROOT / "clients/typescript"

Run = Callable[..., str]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a program with Node on the PATH, and return what it prints; it must succeed."""
    programs = (ROOT / ".state/generators/bin", Path(sys.executable).parent)
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])

    def run(*command: str, cwd: Path = ROOT, **more: str) -> str:
        program = shutil.which(command[0], path=path)
        assert program, f"{command[0]} is missing: `make clients` installs it"
        done = subprocess.run(
            [program, *command[1:]],
            cwd=cwd,
            env={**os.environ, "PATH": path, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def sources(paths: Iterable[str]) -> dict[str, bytes]:
    return {path: (ROOT / path).read_bytes() for path in paths}


@pytest.fixture(scope="session")
def generated(run: Run) -> dict[str, bytes]:
    """The files of the clients as they were before `make clients`. Everything that it installs is there afterwards."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "clients")
    before = sources(listed.splitlines())
    run("make", "--no-print-directory", "clients")
    assert run("git", "ls-files", "--cached", "--others", "--exclude-standard", "clients") == listed
    return before


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("clients") / "copy") as platform:
        yield platform
