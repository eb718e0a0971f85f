"""`make service`: a service from the template, and its entry in the registry."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cathouse_kit.registry import Service, load_registry

from cathouse_scaffold.documents import write_documents
from cathouse_scaffold.names import check_description, check_name, check_prefix, choose_port
from cathouse_scaffold.programs import run
from cathouse_scaffold.version import read_version
from cathouse_scaffold.workspace import workspace

TEMPLATE = Path("tools/scaffold/service")
# That of this environment, whatever else is on the PATH.
RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"


@dataclass(frozen=True)
class ServiceSpec:
    """The service as it was requested. `create` chooses every value that is `None`."""

    name: str
    port: int | None = None
    prefix: str | None = None
    description: str | None = None


def create(root: Path, spec: ServiceSpec) -> tuple[Service, list[Path]]:
    """Makes the service, and returns it with all files that were made or changed.

    All of them or none. Raises `ScaffoldError` before anything is written where there cannot be such a service.
    """
    service = settle(root, spec)
    with workspace(root) as work:
        registry = work.root / "services.toml"
        registry.write_text(registry.read_text(encoding="utf-8") + entry(service), encoding="utf-8")
        generate(work.root, service)
        write_documents(work.root)
        return service, work.take_over()


def settle(root: Path, spec: ServiceSpec) -> Service:
    """The service as it will be. Raises `ScaffoldError` where it cannot be."""
    services = load_registry(root / "services.toml")
    check_name(root, services, spec.name)
    prefix = spec.prefix or f"/api/v1/{spec.name}"
    check_prefix(services, prefix)
    description = spec.description or f"Examples, until it holds {spec.name}"
    check_description(description)
    return Service(
        name=spec.name,
        description=description,
        package=f"cathouse_{spec.name}",
        port=choose_port(root, services, spec.port),
        prefix=prefix,
        schema=spec.name,
        extensions=(),
        calls=("auth",),
    )


def entry(service: Service) -> str:
    """The service's table in services.toml."""
    return f"""
[{service.name}]
description = "{service.description}"
package = "{service.package}"
port = {service.port}
prefix = "{service.prefix}"
schema = "{service.schema}"
extensions = []
calls = [{", ".join(f'"{name}"' for name in service.calls)}]
"""


def generate(root: Path, service: Service) -> None:
    """Lays the template out in services/NAME, in the format of all code here, which names of other lengths change."""
    # Slow to import, and needed by no refusal and no rendering.
    import copier

    folder = root / "services" / service.name
    copier.run_copy(
        str(root / TEMPLATE),
        folder,
        data={
            "name": service.name,
            "description": service.description,
            "port": service.port,
            "prefix": service.prefix,
            "version": read_version(root),
        },
        quiet=True,
    )
    # Else ruff finds nothing in a folder that git ignores, such as a workspace's.
    options = ("--quiet", "--no-respect-gitignore", "--no-cache", f"services/{service.name}")
    for command in (("check", "--fix-only", "--select=I"), ("format",)):
        run([RUFF, *command, *options], root)
