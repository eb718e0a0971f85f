"""The version of the platform: its packages are released together, and all have the same one."""

import tomllib
from pathlib import Path


def read_version(root: Path) -> str:
    """That of a repository, as its kit has it."""
    project = tomllib.loads((root / "kit/pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
