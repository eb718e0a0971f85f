import os
import shlex

import pytest


@pytest.fixture
def runner(runner: list[str]) -> list[str]:
    """The program that PROCESS_COMPOSE names; this project's own without it."""
    named = os.environ.get("PROCESS_COMPOSE")
    return shlex.split(named) if named else runner
