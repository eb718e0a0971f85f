"""What the services describe, and the files that hold it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cathouse_kit.openapi import app_to_describe
from cathouse_kit.registry import Service

Descriptions = dict[str, Any]
"""A description by the name of its service."""


def describe(services: Sequence[Service]) -> Descriptions:
    """What the code of each service describes now."""
    return {service.name: app_to_describe(service.package).openapi() for service in services}


def read_descriptions(folder: Path) -> Descriptions:
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def as_text(description: Mapping[str, Any]) -> str:
    """As it stands in a file; and its comparison: dictionaries with other orders are equal, and their texts are not."""
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def write_descriptions(folder: Path, descriptions: Descriptions) -> None:
    """Makes the folder hold these descriptions, and no other."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in descriptions:
            path.unlink()
    for name, description in descriptions.items():
        (folder / f"{name}.json").write_text(as_text(description))
