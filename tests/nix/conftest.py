"""Evaluates the project's own Nix functions, with doubles of what nixpkgs gives them. Needs `nix` and nothing else."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOUBLES = Path(__file__).with_name("doubles.nix")
NIX_CONFIG = """
extra-experimental-features = nix-command
build-users-group =
"""
# Of python3Packages, what makes packages; the doubles have their own.
PYTHON_BUILDERS = {"buildPythonPackage", "fetchPypi", "mkPythonEditablePackage"}
# What the flake reads: the rest of the repository is not copied.
READ = ("*.nix", "*.toml", "*.yaml", "*.lock", "*.in", "*.sh", "*.py")


class EvaluationError(Exception):
    """Nix refused; the message is its error."""


@dataclass
class Project:
    """The project as Nix sees it, with what nixpkgs is said to have."""

    root: Path
    store: Path
    python_packages: dict[str, str] = field(default_factory=dict)

    def evaluate(self, expression: str, **arguments: str) -> Any:
        """The value of an expression over `outputs`, the flake's, and `inputs`, which are doubles.

        Raises `EvaluationError`.
        """
        given = {"root": self.root, "pythonPackages": self.python_packages, **arguments}
        text = f"""
            with import {DOUBLES} {{
              {" ".join(f"{name} = {_nix(value)};" for name, value in given.items())}
            }};
            {expression}
        """
        result = subprocess.run(
            ["nix", "eval", "--store", self.store, "--impure", "--json", "--expr", text],
            env={**os.environ, "NIX_CONFIG": NIX_CONFIG},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if result.returncode != 0:
            raise EvaluationError(result.stderr)
        return json.loads(result.stdout)


def _nix(value: object) -> str:
    if isinstance(value, Path):
        return f'(/. + "{value}")'
    if isinstance(value, Mapping):
        return "{ " + " ".join(f"{json.dumps(k)} = {_nix(v)};" for k, v in value.items()) + " }"
    return json.dumps(value)


def attributes_in_documentation() -> dict[str, set[str]]:
    """What docs/nix.md says that the pinned nixpkgs has: its attributes, and those of its python3Packages."""
    text = (ROOT / "docs/nix.md").read_text().partition("Not in the release")[0]
    tables = text.split("| attribute |")[1:]
    return {
        name: {
            attribute
            for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
            for attribute in re.findall(
                r"`([\w-]+)`", row.partition(", with ")[0].partition(", for ")[0]
            )
        }
        for name, table in zip(("pkgs", "python3Packages"), tables, strict=True)
    }


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Nix store of these tests' own."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def project(store: Path) -> Project:
    """The project as it is, and a nixpkgs that has what the documentation says of the pinned one."""
    has = attributes_in_documentation()["python3Packages"] - PYTHON_BUILDERS
    return Project(ROOT, store, dict.fromkeys(has, "999"))


@pytest.fixture
def changed(project: Project, tmp_path: Path) -> Project:
    """A copy of what Nix reads of the project, to be changed."""
    for pattern in READ:
        for path in (*ROOT.glob(pattern), *_below(ROOT, pattern)):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return Project(tmp_path, project.store, dict(project.python_packages))


def _below(root: Path, pattern: str) -> Iterator[Path]:
    for folder in ("kit", "services/*", "tools/*", "examples/*", "nix", "images", "requirements"):
        for parent in root.glob(folder):
            yield from parent.glob(pattern)


@pytest.fixture(scope="session")
def registry() -> dict[str, dict[str, Any]]:
    """services.toml."""
    return tomllib.loads((ROOT / "services.toml").read_text())
