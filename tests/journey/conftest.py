from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .platform import Platform, running_platform

_running = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session")
def platform(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """Start one stack for all tests in this folder, because the start takes longer than the tests."""
    with ExitStack() as running:
        pytestconfig.stash[_running] = running
        folder = tmp_path_factory.mktemp("journey") / "copy"
        yield running.enter_context(running_platform(folder))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    yield
    # Stop it after the last test in this folder. Until the end of the session, it would take a tenth of a core.
    last = nextitem is None or nextitem.path.parent != Path(__file__).parent
    if last and (running := item.config.stash.get(_running, None)):
        running.close()
