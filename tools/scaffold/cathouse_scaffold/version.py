"""The version of the platform. All packages are released together with the same version."""

import tomllib
from pathlib import Path


def read_version(root: Path) -> str:
    """Return the version of the kit in a repository."""
    project = tomllib.loads((root / "kit/pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
