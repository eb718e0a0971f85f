"""`make service-remove`: remove everything that `make service` created, unless work would be lost."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cathouse_kit.registry import Service, load_registry

from cathouse_scaffold.creation import generate
from cathouse_scaffold.documents import (
    OPENAPI,
    REGISTRY,
    describe_apis,
    describe_code,
    reference_pages,
    render_service,
    rendering,
    shared_files,
    write,
)
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.rendering import Texts, stale
from cathouse_scaffold.working_tree import committed_files, files, require_clean, undoable


def remove(root: Path, name: str) -> tuple[Service, list[Path]]:
    """Remove the service, and return it with all removed and changed files.

    Raises `ScaffoldError`, before anything is written, in these cases:

    - Another service calls it.
    - Its API was released.
    - A file that would change is not committed.
    - A file would be lost, because it differs from the template and git does not have it.

    Any later exception has a note with the command that undoes the written part.
    """
    services = load_registry(root / REGISTRY)
    service = next((service for service in services if service.name == name), None)
    if service is None:
        known = ", ".join(service.name for service in services)
        raise ScaffoldError(f"NAME={name}: services.toml has no [{name}]. Use one of {known}")
    if callers := [other.name for other in services if name in other.calls]:
        raise ScaffoldError(
            f"cannot remove {name}: it is in `calls` of {', '.join(callers)}. Remove it there in services.toml first"
        )
    others = [other for other in services if other != service]
    folder = Path("services") / name
    registry = _registry_without(root, service)
    texts = {REGISTRY: registry, **shared_files(root, others)}
    # The descriptions below take seconds. Most changes that are not committed are found without them.
    require_clean(root, texts.keys(), texts)
    texts |= _api(root, service, registry)
    with _created_again(root, service) as fresh:
        code = describe_code(fresh)
        render_service(fresh, service, code)
        texts |= reference_pages(root, others, code)
        require_clean(root, texts.keys(), texts)
        lost = sorted(_lost(root, service, fresh))
    if lost:
        listed = "\n  ".join(lost)
        raise ScaffoldError(
            f"cannot remove {name}, because these changes would be lost. Commit them, or delete them:\n  {listed}"
        )
    own = [path.relative_to(root) for path in files(root / folder)]
    with undoable(root, [*texts, folder]):
        write(root, texts)
        shutil.rmtree(root / folder)
    return service, sorted([*texts, *own])


def _lost(root: Path, service: Service, fresh: Path) -> Iterator[str]:
    """Yield the files with content that exists neither in git nor in the folder where the service was created again."""
    folder = Path("services") / service.name
    in_git = committed_files(root)
    for path in files(root / folder):
        name = path.relative_to(root)
        again = fresh / name
        same = again.exists() and again.read_bytes() == path.read_bytes()
        if name not in in_git and not same:
            yield f"{name} ({'changed' if again.exists() else 'added'})"
    for path in rendering(root).stale(lambda path: path.stem == service.name):
        if path not in in_git:
            yield f"{path} (changed: `make render` would write another text)"


def _api(root: Path, service: Service, registry: str) -> Texts:
    """Return the files of the API that change without the service. Raises `ScaffoldError` if it was released."""
    with _everything_but(root, service) as fresh:
        (fresh / REGISTRY).write_text(registry, encoding="utf-8")
        shutil.copytree(root / OPENAPI, fresh / OPENAPI)
        describe_apis(fresh)
        texts: Texts = dict.fromkeys(p.relative_to(root) for p in (root / OPENAPI).glob("*.*"))
        for path in (fresh / OPENAPI).glob("*.*"):
            texts[path.relative_to(fresh)] = path.read_text(encoding="utf-8")
    return stale(root, texts)


@contextmanager
def _created_again(root: Path, service: Service) -> Iterator[Path]:
    """Yield a folder like the repository, in which the service is as the template creates it."""
    with _everything_but(root, service) as fresh:
        (fresh / REGISTRY).symlink_to((root / REGISTRY).resolve())
        generate(fresh, service)
        yield fresh


@contextmanager
def _everything_but(root: Path, service: Service) -> Iterator[Path]:
    """Yield a folder of links to everything that generation and description need, except the service and the registry.

    The caller adds a registry.
    """
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "services").mkdir()
        for path in (
            *root.glob("services/*"),
            root / "Makefile",
            root / "bench",
            root / "kit",
            root / "platform",
            root / "tools",
            root / "pyproject.toml",
        ):
            if path.name != service.name:
                (folder / path.relative_to(root)).symlink_to(path.resolve())
        yield folder


def _registry_without(root: Path, service: Service) -> str:
    text = (root / REGISTRY).read_text(encoding="utf-8")
    block = re.compile(rf"\n\[{re.escape(service.name)}\]\n(?:[^\n]+\n?)*")
    after = block.sub("", text, count=1)
    entries = tomllib.loads(text)
    del entries[service.name]
    if tomllib.loads(after) != entries:
        raise ScaffoldError(
            f"services.toml: the entry [{service.name}] is not one block. Remove it by hand, and run the command again"
        )
    return after
