"""Run tests again after each change of a Python file."""

import subprocess
from typing import NoReturn

from watchfiles import PythonFilter, watch

from cathouse_stack.selected_tests import pytest_command

_FOLDERS = ("kit", "platform", "services", "tools", "examples", "clients", "tests")


def watch_tests(only: str, arguments: str) -> NoReturn:
    """Run the tests at once and after each change, until Ctrl-C."""
    command = pytest_command(only, arguments)
    # `watch` also collects the changes that happen while tests run.
    changes = watch(*_FOLDERS, watch_filter=PythonFilter(), yield_on_timeout=False)
    while True:
        subprocess.run(command, check=False)  # noqa: S603 - no shell
        print("Waiting for the next change of a Python file. Press Ctrl-C to stop.", flush=True)
        next(changes)
