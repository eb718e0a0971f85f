"""The command line of pytest, for all tests or some of them."""

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from cathouse_stack.errors import StackError


def pytest_command(only: str, arguments: str) -> list[str]:
    """Return the command that runs the tests in `only`, a path or the id of a test, or all of them where it is empty.

    `arguments` are more options, quoted as in a shell. No shell reads them. Raises `StackError` for a path that does
    not exist, and for a quote that is not closed.
    """
    if only and not Path(only.partition("::")[0]).exists():
        raise StackError(
            f"ONLY={only}: this path does not exist. Give a folder, a file or a test: ONLY=services/catalog"
        )
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise StackError(f"ARGS={arguments}: {error}. Quote as in ARGS=\"-k 'a or b'\"") from None
    everything = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup"]
    # After the defaults: ARGS=-n0 replaces the number of processes.
    return [*everything, *words, *([only] if only else [])]


def become_pytest(only: str, arguments: str) -> NoReturn:
    """Replace this process by pytest."""
    command = pytest_command(only, arguments)
    os.execv(command[0], command)  # noqa: S606 - no shell
