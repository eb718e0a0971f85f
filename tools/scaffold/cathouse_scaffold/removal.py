"""`make service-remove`: what `make service` made is taken away, unless work would be lost."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from cathouse_kit.registry import Service, load_registry

from cathouse_scaffold.creation import generate
from cathouse_scaffold.documents import render_service, rendering, write_documents
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.programs import output
from cathouse_scaffold.workspace import Workspace, files, workspace

TRACKED = ("git", "ls-files")
CHANGED = ("git", "diff", "HEAD", "--name-only", "--relative")


def remove(root: Path, name: str) -> tuple[Service, list[Path]]:
    """Takes the service away, and returns it with all files that went or changed.

    All of them or none. Raises `ScaffoldError` where another service calls it, where a file would be lost that neither
    the template makes nor git has, and where its API was released.
    """
    services = load_registry(root / "services.toml")
    service = next((service for service in services if service.name == name), None)
    if service is None:
        known = ", ".join(service.name for service in services)
        raise ScaffoldError(f"services.toml has no [{name}]: it has {known}")
    if callers := [other.name for other in services if name in other.calls]:
        raise ScaffoldError(
            f"{name} stays: {', '.join(callers)} call{'s' if len(callers) == 1 else ''} it, as services.toml says"
        )
    with workspace(root) as work:
        if lost := sorted(_lost(work, service)):
            raise ScaffoldError(
                "\n  ".join(
                    [
                        f"{name} stays, for this would be lost: commit it, or take it away yourself",
                        *lost,
                    ]
                )
            )
    with workspace(root) as work:
        shutil.rmtree(work.root / "services" / name)
        _remove_entry(work.root / "services.toml", service)
        write_documents(work.root)
        return service, work.take_over()


def _lost(work: Workspace, service: Service) -> Iterator[str]:
    """The files that hold what is nowhere else: neither does the template make them so, nor has git got them so."""
    folder = Path("services") / service.name
    ours = {
        path.relative_to(work.origin): path.read_bytes() for path in files(work.origin / folder)
    }
    stale = rendering(work.root).stale(lambda path: path.stem == service.name)
    shutil.rmtree(work.root / folder)
    generate(work.root, service)
    render_service(work.root, service)
    fresh = {path.relative_to(work.root): path.read_bytes() for path in files(work.root / folder)}
    in_git = _committed(work.origin, folder)
    for path, content in ours.items():
        if fresh.get(path) != content and path not in in_git:
            yield f"{path} ({'changed' if path in fresh else 'added'})"
    for path in stale:
        if path not in _committed(work.origin, path):
            yield f"{path} (changed: `make render` would write it otherwise)"


def _committed(root: Path, where: Path) -> set[Path]:
    """The files of which git has what they hold now; none where there is no git."""
    listed = [output([*words, "-z", "--", str(where)], root) for words in (TRACKED, CHANGED)]
    if None in listed:
        return set()
    tracked, changed = ({Path(name) for name in (text or "").split("\0")} for text in listed)
    return tracked - changed


def _remove_entry(registry: Path, service: Service) -> None:
    before = load_registry(registry)
    text = registry.read_text(encoding="utf-8")
    block = re.compile(rf"\n\[{re.escape(service.name)}\]\n(?:[^\n]+\n?)*")
    registry.write_text(block.sub("", text, count=1), encoding="utf-8")
    if load_registry(registry) != tuple(other for other in before if other != service):
        raise ScaffoldError(
            f"services.toml: take the entry [{service.name}] out yourself; it is not in one piece"
        )
