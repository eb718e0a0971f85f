"""`make check`: the import rules of pyproject.toml. `{services}` in them means the packages of services.toml."""

import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile

from cathouse_kit.registry import load_registry

from cathouse_scaffold.documents import REGISTRY
from cathouse_scaffold.programs import program


def check_imports(root: Path) -> int:
    """Run import-linter, and return its exit status."""
    with NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as config:
        config.write(import_rules(root))
        config.flush()
        command = [program("lint-imports"), "--no-logo", "--config", config.name]
        return subprocess.run(command, cwd=root, check=False).returncode  # noqa: S603


def import_rules(root: Path) -> str:
    """Return the text of pyproject.toml with the packages of all services."""
    packages = ", ".join(f'"{service.package}"' for service in load_registry(root / REGISTRY))
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return text.replace('"{services}"', packages)
