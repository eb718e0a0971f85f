"""The descriptions of the services, and their files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cathouse_kit.openapi import app_to_describe
from cathouse_kit.registry import Service

Descriptions = dict[str, Any]
"""The descriptions by the names of the services."""


def describe(services: Sequence[Service]) -> Descriptions:
    """Return the current description of each service, from its code."""
    return {service.name: app_to_describe(service.package).openapi() for service in services}


def read_descriptions(folder: Path) -> Descriptions:
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def as_text(description: Mapping[str, Any]) -> str:
    """Return the text of a file. Compare these texts, because equal dictionaries may have another order of keys."""
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def write_descriptions(folder: Path, descriptions: Descriptions) -> None:
    """Write these descriptions into the folder, and delete all others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in descriptions:
            path.unlink()
    for name, description in descriptions.items():
        (folder / f"{name}.json").write_text(as_text(description))
