"""The project, and changed copies of it, for tests of its Nix functions."""

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .evaluation import PYTHON_BUILDERS, ROOT, Project, attributes_in_documentation

# The files that the flake reads. The rest of the repository is not copied.
READ = ("*.nix", "*.toml", "*.yaml", "*.lock", "*.in", "*.sh", "*.py")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a Nix store for these tests."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def project(store: Path) -> Project:
    """Return the project, with a nixpkgs that has the documented attributes of the pinned one."""
    has = attributes_in_documentation()["python3Packages"] - PYTHON_BUILDERS
    return Project(ROOT, store, dict.fromkeys(has, "999"))


@pytest.fixture
def changed(project: Project, tmp_path: Path) -> Project:
    """Return a copy of the files that Nix reads, for a test to change."""
    for pattern in READ:
        for path in (*ROOT.glob(pattern), *_below(ROOT, pattern)):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return Project(tmp_path, project.store, dict(project.python_packages))


def _below(root: Path, pattern: str) -> Iterator[Path]:
    for folder in (
        "kit",
        "platform",
        "services/*",
        "tools/*",
        "examples/*",
        "clients/*",
        "nix",
        "images",
        "requirements",
    ):
        for parent in root.glob(folder):
            yield from parent.glob(pattern)


@pytest.fixture(scope="session")
def registry() -> dict[str, dict[str, Any]]:
    """services.toml."""
    return tomllib.loads((ROOT / "services.toml").read_text())
