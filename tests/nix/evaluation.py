"""Evaluate the project's own Nix functions, with doubles for nixpkgs. Needs only `nix`."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOUBLES = Path(__file__).with_name("doubles.nix")
NIX_CONFIG = """
extra-experimental-features = nix-command
build-users-group =
"""
# The builders in python3Packages, for which doubles.nix has its own.
PYTHON_BUILDERS = {"buildPythonPackage", "fetchPypi", "mkPythonEditablePackage"}


class EvaluationError(Exception):
    """Nix refused an expression. The message is its error."""


@dataclass
class Project:
    """The project as Nix reads it, with a given set of packages in nixpkgs."""

    root: Path
    store: Path
    python_packages: dict[str, str] = field(default_factory=dict)
    removed_packages: list[str] = field(default_factory=list)
    """The names of aliases that throw."""

    def evaluate(self, expression: str, **arguments: str) -> Any:
        """Return the value of an expression over the flake's `outputs`, the doubled `inputs`, and `devenv`.

        Raises `EvaluationError`.
        """
        given = {
            "root": self.root,
            "pythonPackages": self.python_packages,
            "removedPackages": self.removed_packages,
            **arguments,
        }
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
    if isinstance(value, list):
        return "[ " + " ".join(_nix(each) for each in value) + " ]"
    return json.dumps(value)


def attributes_in_documentation() -> dict[str, set[str]]:
    """Return the attributes that docs/reference/nix.md lists: those of nixpkgs, and those of its python3Packages."""
    text = (ROOT / "docs/reference/nix.md").read_text().partition("Not in the release")[0]
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
