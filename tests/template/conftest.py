from pathlib import Path

import pytest

from .platforms import Repository, origin


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository with the files of this one, of which platforms are made."""
    folder = tmp_path / "origin"
    folder.mkdir()
    return origin(folder)
