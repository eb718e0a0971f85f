"""What a new service may be called, and where it may listen."""

import keyword
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from cathouse_kit.registry import Service

from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.working_tree import files

_LONGEST = 30
# What `nix run` and `nix build` know, parts of the platform that are no service, names that mean something everywhere.
_RESERVED = set(
    """
    client clients dashboard default demo down example examples gateway image images load localhost platform ready
    service services test tests up
    """.split()  # noqa: SIM905
)
# "pg" because its owner would be the role pg_owner, and PostgreSQL keeps names that begin with pg_ for itself.
_SCHEMAS = {"information", "none", "pg", "postgres", "public", "template"}
_PYTHON = {word.lower() for word in (*keyword.kwlist, *keyword.softkwlist)}
# A key of such a name in a YAML file is a truth value, or nothing (YAML 1.1, types bool and null).
_YAML = {"false", "no", "null", "off", "on", "true", "yes"}
_NIX = {"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}
# The networks of a Docker engine, and its ways to have none.
_DOCKER = {"bridge", "host", "ingress", "none", "overlay"}
# Windows opens a device where a folder has such a name, also in a clone there.
_WINDOWS = {
    "aux",
    "con",
    "nul",
    "prn",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}
_KEYWORDS = {
    "a keyword of Python": _PYTHON,
    "a truth value or nothing in YAML": _YAML,
    "a keyword of Nix": _NIX,
    "a network of Docker": _DOCKER,
    "a device on Windows": _WINDOWS,
}
# Of PostgreSQL 18: what is reserved, wholly or but for functions and types. Some are no names by the pattern anyway.
_SQL = set(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross default deferrable desc distinct do else end except
    false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is
    isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only
    or order outer overlaps placing primary references returning right select similar some symmetric table
    tablesample then to trailing true union unique user using variadic verbose when where window with
    """.split()  # noqa: SIM905 # as a list it would be one word a line
)
# Those that come with PostgreSQL: a schema of such a name would be taken for theirs.
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
    """Raises `ScaffoldError` where a service cannot be called so, and says why."""
    if not re.fullmatch(rf"[a-z][a-z0-9]{{1,{_LONGEST - 1}}}", name):
        raise ScaffoldError(
            f"{name!r} cannot be a service's name: it becomes a Python package, a host, a database role and a"
            f" variable, so it begins with a letter and has 2 to {_LONGEST} of a to z and 0 to 9"
        )
    for what, words in _KEYWORDS.items():
        if name in words:
            raise ScaffoldError(f"{name} cannot be a service's name: it is {what}")
    if name in _SQL:
        raise ScaffoldError(
            f"{name} cannot be a service's name: the word is reserved in PostgreSQL"
        )
    if name in _SCHEMAS:
        raise ScaffoldError(
            f"{name} cannot be a service's name: PostgreSQL has something of that name"
        )
    if name in _EXTENSIONS or name in {e for service in services for e in service.extensions}:
        raise ScaffoldError(f"{name} cannot be a service's name: it is an extension of PostgreSQL")
    if variable := next((v for v in _variables(name) if v in _settings(root)), None):
        raise ScaffoldError(
            f"{name} cannot be a service's name: its variable {variable} is a setting of other services"
        )
    for service in services:
        if name in (service.name, service.schema) or f"cathouse_{name}" == service.package:
            raise ScaffoldError(f"{name} is taken: services.toml has [{service.name}]")
    for taken, by in _taken(root):
        if name == taken:
            raise ScaffoldError(f"{name} is taken: {by}")
    if any(files(root / "services" / name)):
        raise ScaffoldError(
            f"services/{name} is there already, and services.toml has no [{name}]: move it away first"
        )


def check_prefix(services: Sequence[Service], prefix: str) -> None:
    """Raises `ScaffoldError` where a service's routes cannot begin so."""
    if not _PREFIX.fullmatch(prefix):
        raise ScaffoldError(f"PREFIX={prefix} is no prefix: it looks like /api/v1/reviews")
    last = prefix.rpartition("/")[2]
    if last in _OF_EVERY_SERVICE:
        raise ScaffoldError(f"PREFIX={prefix} is taken: every service has a route {last}")
    for service in services:
        if prefix == service.prefix:
            raise ScaffoldError(f"PREFIX={prefix} is taken: it is that of {service.name}")


def check_description(description: str) -> None:
    """Raises `ScaffoldError` for what would mean something in one of the files that it is rendered into."""
    if not re.fullmatch(
        r"""[^\W_][^"\\$`|<>{}#\n\r\t\x00-\x1f]{0,98}[^"\\$`|<>{}#\n\r\t\x00-\x1f.]""", description
    ):
        raise ScaffoldError(
            "DESCRIPTION is one line of 2 to 100 characters, without a full stop at its end and without"
            r""" any of " \ $ ` | < > { } #"""
        )


def choose_port(root: Path, services: Sequence[Service], wanted: int | None) -> int:
    """The port that was asked for, or the first free one above those of the registry.

    Raises `ScaffoldError` where that one is taken or none.
    """
    taken = {service.port: service.name for service in services}
    for name, port in re.findall(
        r"\$\{(\w+)_PORT:-(\d+)\}", (root / "process-compose.yaml").read_text(encoding="utf-8")
    ):
        taken.setdefault(int(port), f"{name.lower()}, in process-compose.yaml")
    if wanted is None:
        wanted = max((service.port for service in services), default=8000) + 1
        while wanted in taken:
            wanted += 1
    if not 1024 <= wanted <= 65535:
        raise ScaffoldError(f"PORT={wanted} cannot be listened on: give one from 1024 to 65535")
    if wanted in taken:
        raise ScaffoldError(f"PORT={wanted} is taken by {taken[wanted]}")
    return wanted


def _variables(name: str) -> tuple[str, str]:
    return f"{name.upper()}_URL", f"{name.upper()}_PORT"


def _settings(root: Path) -> set[str]:
    """The settings of all services, as the rendered examples list them, but for the places of services."""
    return {
        setting
        for path in root.glob("services/*/.env.example")
        for setting in re.findall(
            r"^(?:# )?([A-Z][A-Z0-9_]*)=", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        if not (root / "services" / setting.removesuffix("_URL").lower()).is_dir()
    }


def _taken(root: Path) -> Iterator[tuple[str, str]]:
    """Names that something else has already, and what."""
    for path in ("process-compose.yaml", "compose.yaml"):
        content: dict[str, Any] = yaml.safe_load((root / path).read_text(encoding="utf-8"))
        for part in ("processes", "services", "networks", "volumes", "secrets"):
            for name in content.get(part, {}):
                yield name, f"{path} has it among its {part}"
    dockerfile = (root / "images/Dockerfile").read_text(encoding="utf-8")
    for name in re.findall(r"^FROM .* AS (\w+)$", dockerfile, re.MULTILINE):
        yield name, "images/Dockerfile has a stage of that name"
    for file in root.glob("deploy/kubernetes/base/*.yaml"):
        yield file.stem, f"{file.relative_to(root)} is there"
    for file in root.glob("requirements/*"):
        yield file.stem, f"{file.relative_to(root)} is there"
    for project in (*root.glob("*/pyproject.toml"), *root.glob("*/*/pyproject.toml")):
        named = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"]
        yield (
            named.removeprefix("cathouse-").replace("-", "_"),
            f"{project.relative_to(root)} makes {named}",
        )
    for name in _RESERVED:
        yield name, "it means something to the tools here"
