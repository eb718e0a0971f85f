"""Check the name, the prefix, the description and the port of a new service."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from cathouse_kit.registry import Service

from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.reserved import KEYWORDS, SQL
from cathouse_scaffold.working_tree import files

_LONGEST = 30
# Outputs of the flake, parts of the platform that are not services, and names with a general meaning.
_RESERVED = set(
    """
    client clients dashboard default demo down example examples gateway image images load localhost platform ready
    service services test tests up
    """.split()  # noqa: SIM905
)
# "pg" is refused because its owner would be the role pg_owner. PostgreSQL reserves names that begin with pg_.
_SCHEMAS = {"information", "none", "pg", "postgres", "public", "template"}
# Extensions of PostgreSQL. A schema with such a name would look like the schema of the extension.
_EXTENSIONS = set(
    """
    amcheck autoinc bloom citext cube dblink earthdistance fuzzystrmatch hstore intagg intarray isn lo ltree
    moddatetime pageinspect pgcrypto pgrowlocks pgstattuple plperl plpgsql pltcl refint seg sslinfo tablefunc
    tcn unaccent xml2
    """.split()  # noqa: SIM905
)
_PREFIX = re.compile(r"/api/v[1-9]\d*/[a-z][a-z0-9-]*")
_OF_EVERY_SERVICE = {"docs", "health", "metrics", "openapi"}


def check_name(root: Path, services: Sequence[Service], name: str) -> None:
    """Raise `ScaffoldError` with the reason when a service cannot have this name."""
    if not re.fullmatch(rf"[a-z][a-z0-9]{{1,{_LONGEST - 1}}}", name):
        raise ScaffoldError(
            f"NAME={name} cannot be the name of a service: use 2 to {_LONGEST} characters of a to z and 0 to 9, and"
            " begin with a letter. The name becomes a Python package, a host, a database role and a variable"
        )
    for kind, names in KEYWORDS.items():
        if name in names:
            raise ScaffoldError(f"{_refused(name)}: it is {kind}")
    if name in SQL:
        raise ScaffoldError(f"{_refused(name)}: it is a reserved word of PostgreSQL")
    if name in _SCHEMAS:
        raise ScaffoldError(f"{_refused(name)}: PostgreSQL itself uses this name")
    if name in _EXTENSIONS or name in {e for service in services for e in service.extensions}:
        raise ScaffoldError(f"{_refused(name)}: it is an extension of PostgreSQL")
    if variable := next((v for v in _variables(name) if v in _settings(root)), None):
        raise ScaffoldError(
            f"{_refused(name)}: its variable {variable} is already a setting of services"
        )
    for service in services:
        if name in (service.name, service.schema) or f"cathouse_{name}" == service.package:
            raise ScaffoldError(f"{_refused(name)}: services.toml has [{service.name}]")
    for used, by in _used(root):
        if name == used:
            raise ScaffoldError(f"{_refused(name)}: {by}")
    if any(files(root / "services" / name)):
        raise ScaffoldError(
            f"the folder services/{name} exists, but services.toml has no [{name}]: move the folder first"
        )


def _refused(name: str) -> str:
    return f"{name} cannot be the name of a service, use another NAME"


def check_prefix(services: Sequence[Service], prefix: str) -> None:
    """Raise `ScaffoldError` when the routes of a service cannot begin with this prefix."""
    if not _PREFIX.fullmatch(prefix):
        raise ScaffoldError(f"PREFIX={prefix} is not valid: use the form /api/v1/reviews")
    last = prefix.rpartition("/")[2]
    if last in _OF_EVERY_SERVICE:
        raise ScaffoldError(
            f"PREFIX={prefix} is in use: every service has a route {last}. Use another prefix"
        )
    for service in services:
        if prefix == service.prefix:
            raise ScaffoldError(f"PREFIX={prefix} is in use by {service.name}: use another prefix")


def check_description(description: str) -> None:
    """Raise `ScaffoldError` for characters that have a meaning in one of the generated files."""
    if not re.fullmatch(
        r"""[^\W_][^"\\$`|<>{}#\n\r\t\x00-\x1f]{0,98}[^"\\$`|<>{}#\n\r\t\x00-\x1f.]""", description
    ):
        raise ScaffoldError(
            f"DESCRIPTION={description!r} is not valid: use one line of 2 to 100 characters that begins with a letter"
            r""" or digit, without a full stop at the end, and without " \ $ ` | < > { } #"""
        )


def choose_port(root: Path, services: Sequence[Service], wanted: int | None) -> int:
    """Return the requested port, or the first free port above the ports of the registry.

    Raises `ScaffoldError` when the port is in use or not valid.
    """
    used = {service.port: service.name for service in services}
    for name, port in re.findall(
        r"\$\{(\w+)_PORT:-(\d+)\}", (root / "process-compose.yaml").read_text(encoding="utf-8")
    ):
        used.setdefault(int(port), f"{name.lower()}, in process-compose.yaml")
    if wanted is None:
        wanted = max((service.port for service in services), default=8000) + 1
        while wanted in used:
            wanted += 1
    if not 1024 <= wanted <= 65535:
        raise ScaffoldError(f"PORT={wanted} is not allowed: use a port from 1024 to 65535")
    if wanted in used:
        raise ScaffoldError(f"PORT={wanted} is in use by {used[wanted]}: use another port")
    return wanted


def _variables(name: str) -> tuple[str, str]:
    return f"{name.upper()}_URL", f"{name.upper()}_PORT"


def _settings(root: Path) -> set[str]:
    """Return the settings of all services, from the generated .env.example files, without URLs of services."""
    return {
        setting
        for path in root.glob("services/*/.env.example")
        for setting in re.findall(
            r"^(?:# )?([A-Z][A-Z0-9_]*)=", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        if not (root / "services" / setting.removesuffix("_URL").lower()).is_dir()
    }


def _used(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the names that are already in use, each with its use."""
    for path in ("process-compose.yaml", "compose.yaml"):
        content: dict[str, Any] = yaml.safe_load((root / path).read_text(encoding="utf-8"))
        for part in ("processes", "services", "networks", "volumes", "secrets"):
            for name in content.get(part, {}):
                yield name, f"{path} has this name among its {part}"
    dockerfile = (root / "images/Dockerfile").read_text(encoding="utf-8")
    for name in re.findall(r"^FROM .* AS (\w+)$", dockerfile, re.MULTILINE):
        yield name, "images/Dockerfile has a stage with this name"
    for file in root.glob("deploy/kubernetes/base/*.yaml"):
        yield file.stem, f"the file {file.relative_to(root)} exists"
    for folder in root.glob("deploy/kubernetes/components/*"):
        yield folder.name, f"the component {folder.relative_to(root)} exists"
    for file in root.glob("requirements/*"):
        yield file.stem, f"the file {file.relative_to(root)} exists"
    for project in (*root.glob("*/pyproject.toml"), *root.glob("*/*/pyproject.toml")):
        named = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"]
        yield (
            named.removeprefix("cathouse-").replace("-", "_"),
            f"{project.relative_to(root)} is the package {named}",
        )
    for name in _RESERVED:
        yield name, "the tools of the project use this name"
