from collections.abc import Iterator

import pytest

from .platform import Platform, running_platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One for all tests that share a worker: to start it takes longer than they do."""
    with running_platform(tmp_path_factory.mktemp("journey") / "copy") as platform:
        yield platform
