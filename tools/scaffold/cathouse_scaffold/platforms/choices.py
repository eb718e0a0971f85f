"""The choices that copier.yml offers for a platform, and the file that keeps them for updates."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cathouse_scaffold.platforms.names import CURRENT, PlatformError, PlatformName, check_name

FILE = ".copier-answers.yml"
CURRENT_PORTS = 8000
CURRENT_REGISTRY = "registry.example.com/cathouse"


@dataclass(frozen=True)
class Choices:
    """A platform as the choices in copier.yml describe it."""

    name: PlatformName
    description: str
    ports: int
    registry: str
    licence_holder: str
    skeleton: bool


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices with a default, which copier.yml has too, for each that is `None`."""
    display = given["display_name"]
    package = given["package"] or display.lower().replace(" ", "")
    return {
        "display_name": display,
        "package": package,
        "description": given["description"]
        or f"{display} is a platform of FastAPI services on one shared kit and one PostgreSQL",
        "ports": given["ports"] or CURRENT_PORTS,
        "registry": given["registry"] or f"registry.example.com/{package}",
        "licence_holder": given["licence_holder"] or f"The authors of {display}",
        "services": "all",
    }


def parse(given: Mapping[str, Any]) -> Choices:
    """Return the checked choices. Raises `PlatformError` for the first that a platform cannot have."""
    name = PlatformName(given["display_name"].strip(), given["package"].strip())
    check_name(name)
    if not re.fullmatch(
        r'[^\W_][^"\\$`|<>{}#\n\r\t]{0,98}[^"\\$`|<>{}#\n\r\t.]', given["description"]
    ):
        raise PlatformError(
            f"description {given['description']!r}: use one line of 2 to 100 characters that begins with a letter or"
            r""" digit, without a full stop at the end, and without " \ $ ` | < > { } #"""
        )
    try:
        ports = int(given["ports"])
    except ValueError:
        raise PlatformError(f"ports {given['ports']!r}: use a number, such as 9000") from None
    if not 1024 <= ports <= 65000 or ports % 100:
        raise PlatformError(
            f"ports {ports}: use a multiple of 100 from 1100 to 65000, such as 9000"
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9._-]+)*", given["registry"]):
        raise PlatformError(
            f"registry {given['registry']!r}: use a host and a path, such as registry.example.com/{name.package}"
        )
    if not re.fullmatch(r"[^\n\r]{1,100}", given["licence_holder"]):
        raise PlatformError("licence_holder: use one line of 1 to 100 characters")
    if given["services"] not in ("all", "skeleton"):
        raise PlatformError(f"services {given['services']!r}: use all or skeleton")
    return Choices(
        name,
        given["description"],
        ports,
        given["registry"],
        given["licence_holder"],
        given["services"] == "skeleton",
    )


def written(given: Mapping[str, Any]) -> str:
    """Return the text of the file that `copier update` reads. A JSON value is also a value in YAML."""
    lines = [
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in sorted(given.items())
    ]
    lines = [
        f"{line}  # {CURRENT.display} ({CURRENT.package})" if line.startswith("_src_path") else line
        for line in lines
    ]
    return "\n".join(
        ["# `make update` reads and changes this file. Do not edit it by hand.", *lines, ""]
    )
