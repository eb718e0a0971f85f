"""Write the bill of materials of an image, as CycloneDX 1.6: bill_of_materials.py NAME VERSION STORE_PATHS.

STORE_PATHS is a file that lists the closure of the image, one path a line. Python distributions get their names from
their metadata, all other packages from their store path.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any


def main(name: str, version: str, store_paths: str) -> None:
    paths = [Path(line) for line in Path(store_paths).read_text().split()]
    json.dump(document(name, version, paths), sys.stdout, indent=1, sort_keys=True)


def document(name: str, version: str, paths: list[Path]) -> dict[str, Any]:
    """Return the bill. It depends on the paths only: it has no date, and its serial number is derived from them."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(map(str, sorted(paths)))).urn,
        "version": 1,
        "metadata": {
            "component": {"type": "container", "bom-ref": name, "name": name, "version": version}
        },
        "components": [component for path in sorted(paths) for component in components(path)],
    }


def components(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the components of a store path: its Python distributions, or itself if its name has a version."""
    found = sorted(path.glob("lib/python3*/site-packages/*.dist-info/METADATA"))
    # An environment only links to its distributions, which are in the closure too.
    distributions = [metadata for metadata in found if metadata.resolve().is_relative_to(path)]
    for metadata in distributions:
        headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"))
        name, version = headers["Name"], headers["Version"]
        component = _component(path, name, version, "pypi", name.lower().replace("_", "-"))
        if expression := headers["License-Expression"]:
            component["licenses"] = [{"expression": expression}]
        yield component
    named = re.fullmatch(r"[a-z0-9]{32}-(.+?)-(\d[^-]*(?:-[a-z]+)?)", path.name)
    if named and not found:
        yield _component(path, named[1], named[2], "generic", named[1])


def _component(path: Path, name: str, version: str, kind: str, key: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": str(path),
        "name": name,
        "version": version,
        "purl": f"pkg:{kind}/{key}@{version}",
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
