"""What follows from services.toml and from the services' code, written in a repository in the right order."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cathouse_kit.registry import Service, load_registry

from cathouse_scaffold.programs import run
from cathouse_scaffold.rendering import Rendering, Texts

REGISTRY = Path("services.toml")
OPENAPI = Path("docs/openapi")


def render(root: Path) -> list[Path]:
    """Writes every rendered file that is not current, and returns these. Raises `ScaffoldError`."""
    return write(root, rendering(root).stale())


def stale(root: Path) -> list[Path]:
    """Return the files that `render` would write. Raises `ScaffoldError`.

    Documentation is left out where there is none: Nix checks sources without it.
    """
    documented = (root / "docs").is_dir()
    return list(rendering(root).stale(lambda path: documented or not is_documentation(path)))


def is_documentation(path: Path) -> bool:
    """Return whether people read this file, and no program."""
    return path.suffix == ".md" or path.is_relative_to("docs")


def render_service(root: Path, service: Service) -> None:
    """Write the rendered part of a service's own folder. Raises `ScaffoldError`."""
    own = Rendering(root, [service], partial(_described, root, service.name))
    write(root, own.stale(lambda path: path.is_relative_to(f"services/{service.name}")))


def shared_files(root: Path, services: Sequence[Service]) -> Texts:
    """Return the stale files outside of `services/`. They follow from the registry alone, not from code."""
    return Rendering(root, services).stale(lambda path: not path.is_relative_to("services"))


def describe_apis(root: Path) -> None:
    """Write the OpenAPI descriptions. Raises `ScaffoldError` where a change breaks callers and is not declared."""
    with importable(root) as environment:
        run([sys.executable, "-m", "cathouse_openapi", "write"], root, environment)


def write(root: Path, texts: Texts) -> list[Path]:
    """Make files hold these texts, and return their paths."""
    for path, text in texts.items():
        target = root / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return list(texts)


def rendering(root: Path) -> Rendering:
    """The repository's files as they have to be."""
    return Rendering(root, load_registry(root / REGISTRY), partial(_described, root))


def _described(root: Path, *names: str) -> Any:
    """What services say of themselves: these, or without any all of them."""
    with importable(root) as environment:
        command = [sys.executable, "-m", "cathouse_scaffold.describe", str(REGISTRY), *names]
        return json.loads(run(command, root, environment))


@contextmanager
def importable(root: Path) -> Iterator[dict[str, str]]:
    """An environment in which Python imports this repository's services, one that is not installed yet included."""
    services = load_registry(root / REGISTRY)
    with TemporaryDirectory() as metadata:
        for service in services:
            try:
                distribution(service.package.replace("_", "-"))
            except PackageNotFoundError:
                _write_metadata(root / "services" / service.name, metadata)
        folders = [str((root / "services" / service.name).resolve()) for service in services]
        path = [*folders, metadata, *filter(None, [os.environ.get("PYTHONPATH")])]
        yield {
            **os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"
        }  # fmt: skip


def _write_metadata(project: Path, folder: str) -> None:
    # What an installation would tell of it: its version, and that it is a service.
    code = (
        "import sys, hatchling.build; hatchling.build.prepare_metadata_for_build_wheel(sys.argv[1])"
    )
    run([sys.executable, "-c", code, folder], project)
