import os
import shlex

import pytest


@pytest.fixture
def runner(runner: list[str]) -> list[str]:
    """Return the program that PROCESS_COMPOSE names, or the program of this project."""
    named = os.environ.get("PROCESS_COMPOSE")
    return shlex.split(named) if named else runner
