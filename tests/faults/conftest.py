"""Options of the fault trials, and their closing summary."""

import random
from pathlib import Path

import pytest

from .report import Report

# Ends a run that hangs. It is far longer than a run on a busy machine.
_SECONDS, _SECONDS_A_KILL = 1200, 15
_report = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash[_report]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fault trials")
    group.addoption(
        "--kills", type=int, default=200, help="number of processes to kill (default: 200)"
    )
    group.addoption(
        "--seed", type=int, help="repeat the random choices of a run (default: a new seed)"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_report] = Report()
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**32)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    limit = pytest.mark.timeout(_SECONDS + _SECONDS_A_KILL * config.option.kills)
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(limit)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    terminalreporter.section("fault trials")
    for line in config.stash[_report].lines:
        terminalreporter.write_line(line)
