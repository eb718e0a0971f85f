"""The registry of services, `services.toml`, for tools and tests.

A running service does not read it, because its settings have their own defaults. A test checks that they agree.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class RegistryError(Exception):
    """The registry is missing or wrong. The message names the entry and the fix."""


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the registry. `services.toml` explains the fields."""

    name: str
    description: str
    package: str
    port: int
    prefix: str
    schema: str
    extensions: tuple[str, ...]
    calls: tuple[str, ...]
    outside: bool = False
    roles: tuple[str, ...] = ()

    @property
    def port_variable(self) -> str:
        """The environment variable for another port of the service in the development stack."""
        return f"{self.name.upper()}_PORT"

    @property
    def url_variable(self) -> str:
        """The setting that other services have for the URL of this one."""
        return f"{self.name.upper()}_URL"

    @property
    def owner_role(self) -> str:
        """The PostgreSQL role that owns the schema and its tables, and migrates them."""
        return f"{self.name}_owner"

    @property
    def database_roles(self) -> tuple[str, ...]:
        """The PostgreSQL roles of the service: the serving role, the owner, and the roles of single commands."""
        return (self.name, self.owner_role, *(f"{self.name}_{role}" for role in self.roles))


def load_registry(path: Path = Path("services.toml")) -> tuple[Service, ...]:
    """Read the registry, in the order of the file.

    Raises `RegistryError` if the file is missing or is not TOML. Also raises it if an entry has a missing or unknown
    field, has the port of another entry, or calls an unregistered service.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RegistryError(
            f"{path} does not exist here: run this command in the root of the repository"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{path} is not valid TOML: {error}") from None

    services = tuple(_service(path, name, entry) for name, entry in entries.items())
    owners: dict[int, str] = {}
    for service in services:
        owner = owners.setdefault(service.port, service.name)
        if owner != service.name:
            raise RegistryError(
                f"{path}: {owner} and {service.name} have the same port {service.port}: change one of them"
            )
        for called in service.calls:
            if called not in entries:
                raise RegistryError(
                    f"{path}: {service.name} calls {called}, which is not registered: add it or remove the call"
                )
    return services


def _service(path: Path, name: str, entry: object) -> Service:
    if not isinstance(entry, dict):
        raise RegistryError(f"{path}: {name} is not a table: write [{name}]")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    try:
        return Service(name=name, **values)
    except TypeError as error:
        fields = "description, package, port, prefix, schema, extensions and calls"
        raise RegistryError(
            f"{path}: [{name}] must have {fields}, and may have outside and roles ({error})"
        ) from None
