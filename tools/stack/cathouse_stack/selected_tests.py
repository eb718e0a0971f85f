"""The command line of pytest for all tests, or for some of them."""

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from cathouse_stack.errors import StackError


def pytest_command(only: str, arguments: str) -> list[str]:
    """Return the command that runs the tests of `only`, or all tests when it is empty.

    `only` is a path or the id of a test. `arguments` are more options, quoted as in a shell, but no shell runs. Raises
    `StackError` for a path that does not exist, and for a quote that is not closed.
    """
    if only and not Path(only.partition("::")[0]).exists():
        raise StackError(
            f"ONLY={only}: this path does not exist. Use a folder, a file or a test, such as ONLY=services/catalog"
        )
    try:
        options = shlex.split(arguments)
    except ValueError as error:
        raise StackError(
            f"ARGS={arguments}: {error}. Close each quote, as in ARGS=\"-k 'a or b'\""
        ) from None
    everything = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup"]
    # The options come after the defaults, so ARGS=-n0 replaces the number of processes.
    return [*everything, *options, *([only] if only else [])]


def become_pytest(only: str, arguments: str) -> NoReturn:
    """Replace this process with pytest."""
    command = pytest_command(only, arguments)
    os.execv(command[0], command)  # noqa: S606 - no shell
