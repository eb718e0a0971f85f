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
    """One for all tests in this folder: to start it takes longer than they do."""
    with ExitStack() as running:
        pytestconfig.stash[_running] = running
        folder = tmp_path_factory.mktemp("journey") / "copy"
        yield running.enter_context(running_platform(folder))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    yield
    # After the last test here, and not with the session: idle, it takes a tenth of a core from all other tests.
    last = nextitem is None or nextitem.path.parent != Path(__file__).parent
    if last and (running := item.config.stash.get(_running, None)):
        running.close()
