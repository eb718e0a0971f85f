"""Fixtures of the hostile tests. Each test runs once for each service, and the closing summary counts its inputs."""

from collections.abc import Callable, Iterator

import pytest

from ..contracts.conftest import pytest_generate_tests, settings_class
from ..contracts.test_openapi_descriptions import cat_url, make, others, surroundings

__all__ = [
    "cat_url",
    "make",
    "others",
    "pytest_generate_tests",
    "settings_class",
    "surroundings",
]
_INPUTS = "inputs"

Count = Callable[[], None]


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Iterator[Count]:
    """Return a function that tests call for each input."""
    tried: list[None] = []
    yield lambda: tried.append(None)
    request.node.user_properties.append((_INPUTS, len(tried)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = {
        report.nodeid: number
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, number in getattr(report, "user_properties", ())
        if name == _INPUTS
    }
    if counts:
        terminalreporter.section("hostile inputs")
        for test, number in sorted(counts.items()):
            terminalreporter.write_line(f"{number:6} {test.rpartition('::')[2]}")
        terminalreporter.write_line(f"{sum(counts.values()):6} in all")
