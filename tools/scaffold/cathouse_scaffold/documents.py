"""The generated files of a repository: from services.toml and from the code of the services."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
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

Described = dict[str, Any]


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


def shared_files(root: Path, services: Sequence[Service]) -> Texts:
    """Return the stale files that are rendered from the registry alone, without code."""
    return Rendering(root, services).stale(
        lambda path: not path.is_relative_to("services") and not path.is_relative_to(REFERENCE)
    )


def render_service(root: Path, service: Service, code: Described) -> None:
    """Write the generated files in the folder of one service. `code` is the result of `describe_code`."""
    own = _rendering(root, [service], lambda: code)
    write(root, own.stale(lambda path: path.is_relative_to(f"services/{service.name}")))


def reference_pages(root: Path, services: Sequence[Service], code: Described) -> Texts:
    """Return the stale pages of the reference for these services. `code` is the result of `describe_code`."""
    pages = _rendering(root, services, lambda: code)
    return pages.stale(lambda path: path.is_relative_to(REFERENCE))


def describe_apis(root: Path) -> None:
    """Write the OpenAPI descriptions. Raises `ScaffoldError` for a breaking change that is not declared."""
    with importable(root) as environment:
        run([sys.executable, "-m", "cathouse_openapi", "write"], root, environment)


def describe_code(root: Path) -> Described:
    """Return the descriptions of all services and of the repository, from their code. Raises `ScaffoldError`.

    Each call takes seconds. So a command calls this once, and renders all its files from the result.
    """
    with importable(root) as environment:
        command = [sys.executable, "-m", "cathouse_scaffold.describe", str(REGISTRY)]
        described: Described = json.loads(run(command, root, environment))
        return described


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
    return _rendering(root, load_registry(root / REGISTRY), cache(partial(describe_code, root)))


def _rendering(root: Path, services: Sequence[Service], code: Callable[[], Described]) -> Rendering:
    return Rendering(root, services, lambda: code()["services"], lambda: code()["repository"])


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
