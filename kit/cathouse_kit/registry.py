"""The registry of services, `services.toml`, for tools and tests.

A running service does not read it: its settings carry their own defaults, and a test holds the two together.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class RegistryError(Exception):
    """The registry is missing or wrong; the message names the entry and says what to do."""


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the registry; `services.toml` explains the fields."""

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
        """The environment variable that moves the service to another port in the development stack."""
        return f"{self.name.upper()}_PORT"

    @property
    def url_variable(self) -> str:
        """The setting with which other services find this one."""
        return f"{self.name.upper()}_URL"

    @property
    def owner_role(self) -> str:
        """The PostgreSQL role that owns the schema and its tables, and migrates them."""
        return f"{self.name}_owner"

    @property
    def database_roles(self) -> tuple[str, ...]:
        """The PostgreSQL roles of the service: the serving one, the owner, those of single commands."""
        return (self.name, self.owner_role, *(f"{self.name}_{role}" for role in self.roles))


def load_registry(path: Path = Path("services.toml")) -> tuple[Service, ...]:
    """Reads the registry, in the order of the file.

    Raises `RegistryError` when the file is absent, is not TOML, or an entry lacks a field, has an unknown one,
    shares its port with another, or calls a service that is not registered.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RegistryError(
            f"{path} is not here: run this from the root of the repository"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{path} is not valid TOML: {error}") from None

    services = tuple(_service(path, name, entry) for name, entry in entries.items())
    owners: dict[int, str] = {}
    for service in services:
        owner = owners.setdefault(service.port, service.name)
        if owner != service.name:
            raise RegistryError(
                f"{path}: port {service.port} belongs to {owner} and {service.name}"
            )
        for called in service.calls:
            if called not in entries:
                raise RegistryError(
                    f"{path}: {service.name} calls {called}, which is not registered"
                )
    return services


def _service(path: Path, name: str, entry: object) -> Service:
    if not isinstance(entry, dict):
        raise RegistryError(f"{path}: {name} is not a table such as [{name}]")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    try:
        return Service(name=name, **values)
    except TypeError as error:
        fields = "description, package, port, prefix, schema, extensions, calls, and may have outside, roles"
        raise RegistryError(f"{path}: [{name}] needs exactly {fields} ({error})") from None
