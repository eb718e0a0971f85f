"""`make service`: create a service from the template, and add its entry to the registry."""

from dataclasses import dataclass
from pathlib import Path

from cathouse_kit.registry import Service, load_registry
from cathouse_platform.platform import PLATFORM

from cathouse_scaffold.documents import (
    OPENAPI,
    REFERENCE,
    REGISTRY,
    describe_apis,
    describe_code,
    reference_pages,
    render_service,
    shared_files,
    write,
)
from cathouse_scaffold.names import check_description, check_name, check_prefix, choose_port
from cathouse_scaffold.programs import program, run
from cathouse_scaffold.version import read_version
from cathouse_scaffold.working_tree import files, require_clean, undoable

TEMPLATE = Path("tools/scaffold/service")


@dataclass(frozen=True)
class ServiceSpec:
    """The requested service. `create` chooses every value that is `None`."""

    name: str
    port: int | None = None
    prefix: str | None = None
    description: str | None = None


def create(root: Path, spec: ServiceSpec) -> tuple[Service, list[Path]]:
    """Create the service, and return it with all created and changed files.

    Raises `ScaffoldError`, before anything is written, when a value is refused or a file that would change is not
    committed. Any later exception has a note with the command that undoes the written part.
    """
    service = settle(root, spec)
    folder = Path("services") / service.name
    registry = (root / REGISTRY).read_text(encoding="utf-8")
    services = [*load_registry(root / REGISTRY), service]
    texts = shared_files(root, services)
    texts[REGISTRY] = registry + entry(service)
    require_clean(root, [*texts, OPENAPI, REFERENCE], texts)
    with undoable(root, [*texts, OPENAPI, REFERENCE, folder]):
        write(root, texts)
        generate(root, service)
        describe_apis(root)
        code = describe_code(root)
        render_service(root, service, code)
        pages = write(root, reference_pages(root, services, code))
    api = [OPENAPI / f"{service.name}.json", OPENAPI / "CHANGELOG.md"]
    own = (path.relative_to(root) for path in files(root / folder))
    return service, sorted([*texts, *api, *pages, *own])


def settle(root: Path, spec: ServiceSpec) -> Service:
    """Return the service with all values chosen. Raises `ScaffoldError` when a value is refused."""
    services = load_registry(root / REGISTRY)
    check_name(root, services, spec.name)
    prefix = spec.prefix or f"/api/v1/{spec.name}"
    check_prefix(services, prefix)
    description = spec.description or f"Examples, to be replaced by {spec.name}"
    check_description(description)
    return Service(
        name=spec.name,
        description=description,
        package=f"cathouse_{spec.name}",
        port=choose_port(root, services, spec.port),
        prefix=prefix,
        schema=spec.name,
        extensions=(),
        # Every service checks access tokens.
        calls=(PLATFORM.identity.name,),
    )


def entry(service: Service) -> str:
    """Return the table of the service for services.toml."""
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
    """Copy the template to services/NAME, and format the code, because line lengths depend on the name."""
    # Imported here because it is slow to import, and only this function needs it.
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
    options = ("--quiet", "--no-cache", f"services/{service.name}")
    for command in (("check", "--fix-only", "--select=I"), ("format",)):
        run([program("ruff"), *command, *options], root)
