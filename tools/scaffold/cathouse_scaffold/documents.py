"""The generated files of a repository: from services.toml and from the code of the services."""

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
REFERENCE = Path("docs/reference")


def render(root: Path) -> list[Path]:
    """Write every generated file that is not current, and return their paths. Raises `ScaffoldError`."""
    return write(root, rendering(root).stale())


def stale(root: Path) -> list[Path]:
    """Return the files that `render` would write. Raises `ScaffoldError`.

    Without a folder `docs`, documentation is left out, because Nix checks sources without documentation.
    """
    documented = (root / "docs").is_dir()
    return list(rendering(root).stale(lambda path: documented or not is_documentation(path)))


def is_documentation(path: Path) -> bool:
    """Return True when the file is documentation, which only people read."""
    return path.suffix == ".md" or path.is_relative_to("docs")


def render_service(root: Path, service: Service) -> None:
    """Write the generated files in the folder of one service. Raises `ScaffoldError`."""
    own = Rendering(root, [service], partial(_described, root, service.name))
    write(root, own.stale(lambda path: path.is_relative_to(f"services/{service.name}")))


def shared_files(root: Path, services: Sequence[Service]) -> Texts:
    """Return the stale files that are rendered from the registry alone, without code."""
    return Rendering(root, services).stale(
        lambda path: not path.is_relative_to("services") and not path.is_relative_to(REFERENCE)
    )


def reference_pages(root: Path, services: Sequence[Service]) -> Texts:
    """Return the stale pages of the reference for these services. Raises `ScaffoldError`."""
    names = [service.name for service in services]
    described = partial(_described, root, *names)
    pages = Rendering(root, services, described, partial(_reference, root))
    return pages.stale(lambda path: path.is_relative_to(REFERENCE))


def describe_apis(root: Path) -> None:
    """Write the OpenAPI descriptions. Raises `ScaffoldError` for a breaking change that is not declared."""
    with importable(root) as environment:
        run([sys.executable, "-m", "cathouse_openapi", "write"], root, environment)


def write(root: Path, texts: Texts) -> list[Path]:
    """Write these texts into their files, delete files without a text, and return all paths."""
    for path, text in texts.items():
        target = root / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return list(texts)


def rendering(root: Path) -> Rendering:
    """Return the rendering of all generated files of the repository."""
    return Rendering(
        root, load_registry(root / REGISTRY), partial(_described, root), partial(_reference, root)
    )


def _described(root: Path, *names: str) -> Any:
    """Return the descriptions of these services, or of all services without names."""
    with importable(root) as environment:
        command = [sys.executable, "-m", "cathouse_scaffold.describe", str(REGISTRY), *names]
        return json.loads(run(command, root, environment))


def _reference(root: Path) -> Any:
    with importable(root) as environment:
        command = [sys.executable, "-m", "cathouse_scaffold.reference"]
        return json.loads(run(command, root, environment))


@contextmanager
def importable(root: Path) -> Iterator[dict[str, str]]:
    """Yield an environment in which Python can import all services, also those that are not installed yet."""
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
    # The metadata that an installation would add: the version, and the entry point of a service.
    code = (
        "import sys, hatchling.build; hatchling.build.prepare_metadata_for_build_wheel(sys.argv[1])"
    )
    run([sys.executable, "-c", code, folder], project)
