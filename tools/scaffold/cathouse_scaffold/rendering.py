"""Render files and regions of files from services.toml and the templates in tools/scaffold/rendered.

The path of a template names its output:

- `files/PATH.j2` generates the file PATH.
- `regions/PATH/NAME.j2` generates the region NAME of the file PATH. A region is the text between the two comments
  `services.toml: begin NAME` and `services.toml: end NAME`. The rest of the file is written by hand.
- With `{service}` in PATH, one such file or region is generated for each service.

The first comment of a region may have arguments for the template, as in `services.toml: begin images tag=0.1.0`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cathouse_kit.registry import Service
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.version import read_version

TEMPLATES = Path("tools/scaffold/rendered")
REGIONS, FILES = Path("regions"), Path("files")
PER_SERVICE = "{service}"
NOTICE = "Rendered from services.toml by `make render`"
"""A text in the first line of each file that is generated for one service. It marks files of removed services."""

_MARKER = re.compile(
    r"^[ \t]*(?:#|<!--) services\.toml: (?P<edge>begin|end) (?P<name>[\w-]+)(?P<arguments>(?: \w+=\S+)*)(?: -->)?$",
    re.MULTILINE,
)

Texts = dict[Path, str | None]
"""The required texts of files, by their path from the root. None means that the file must not exist."""


@dataclass(frozen=True)
class Rendering:
    """The templates of a repository, for the services of a registry."""

    root: Path
    services: Sequence[Service]
    describe: Callable[[], Mapping[str, Any]] = dict
    """Returns the descriptions of the services by name. It is called at most once, if a template needs it."""
    reference: Callable[[], Mapping[str, Any]] = dict
    """Returns the facts of the repository beside them. It is called at most once, if a template needs it."""
    _environment: Environment = field(init=False)

    def __post_init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(self.root / TEMPLATES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 # no HTML
        )
        described = cache(self.describe)
        environment.globals.update(
            services=self.services,
            by_name={service.name: service for service in self.services},
            described=lambda service: described()[service.name],
            reference=cache(self.reference),
            version=lambda: read_version(self.root),
        )
        object.__setattr__(self, "_environment", environment)

    def texts(self, wanted: Callable[[Path], bool] = lambda path: True) -> Texts:
        """Return the required text of each generated file that `wanted` accepts.

        Raises `ScaffoldError` for a region without a template, a template without a region, and markers that do not
        match.
        """
        texts: Texts = {}
        for path, regions in self._regions().items():
            for target, known in self._targets(path):
                if wanted(target):
                    text = (self.root / target).read_text(encoding="utf-8")
                    texts[target] = with_regions(target, text, regions, known)
        for template in self._names(FILES):
            texts |= self._files(template, wanted)
        return texts

    def stale(self, wanted: Callable[[Path], bool] = lambda path: True) -> Texts:
        """Return the generated files with another text than required."""
        return stale(self.root, self.texts(wanted))

    def _names(self, kind: Path) -> list[Path]:
        names = map(Path, self._environment.list_templates(extensions=["j2"]))
        return [name for name in names if name.is_relative_to(kind)]

    def _regions(self) -> dict[Path, dict[str, Template]]:
        regions: dict[Path, dict[str, Template]] = {}
        for name in self._names(REGIONS):
            regions.setdefault(name.parent.relative_to(REGIONS), {})[name.stem] = self._get(name)
        return regions

    def _files(
        self, name: Path, wanted: Callable[[Path], bool]
    ) -> Iterator[tuple[Path, str | None]]:
        path = name.relative_to(FILES).with_suffix("")
        if PER_SERVICE in str(path):
            # Files of removed services.
            for found in self.root.glob(str(path).replace(PER_SERVICE, "*")):
                target = found.relative_to(self.root)
                notice = NOTICE in found.read_text(encoding="utf-8").partition("\n")[0]
                if notice and wanted(target):
                    yield target, None
        for target, known in self._targets(path):
            if wanted(target):
                yield target, self._get(name).render(known)

    def _targets(self, path: Path) -> Iterator[tuple[Path, dict[str, Service]]]:
        """Yield each file that a template generates, with the additional names that its template can use."""
        if PER_SERVICE not in str(path):
            yield path, {}
            return
        for service in self.services:
            yield Path(str(path).replace(PER_SERVICE, service.name)), {"service": service}

    def _get(self, name: Path) -> Template:
        return self._environment.get_template(str(name))


def with_regions(
    path: Path, text: str, templates: Mapping[str, Template], known: Mapping[str, object]
) -> str:
    """Return the text of a file with all regions rendered. `known` has additional names for the templates.

    Raises `ScaffoldError` when regions and templates differ, or when markers do not match.
    """
    parts: list[str] = []
    found: set[str] = set()
    position = 0
    markers = iter(_MARKER.finditer(text))
    where = TEMPLATES / REGIONS / path
    for begin in markers:
        end = next(markers, None)
        name = begin["name"]
        if begin["edge"] != "begin" or end is None or (end["edge"], end["name"]) != ("end", name):
            raise ScaffoldError(
                f"{path}: the markers of the region {name} do not match: write a begin and an end comment, without"
                " another region between them"
            )
        if name not in templates:
            raise ScaffoldError(
                f"{path}: the region {name} has no template {where / name}.j2: write it, or remove the markers"
            )
        if name in found:
            raise ScaffoldError(f"{path}: the region {name} occurs twice: remove one")
        found.add(name)
        arguments = dict(argument.split("=", 1) for argument in begin["arguments"].split())
        parts += [text[position : begin.end()], "\n", templates[name].render(known, **arguments)]
        position = end.start()
    if missing := sorted(templates.keys() - found):
        raise ScaffoldError(
            f"{path}: the comment `services.toml: begin {missing[0]}` is missing: add it where the text of"
            f" {where / missing[0]}.j2 belongs"
        )
    return "".join([*parts, text[position:]])


def stale(root: Path, texts: Texts) -> Texts:
    """Return the texts that differ from the content of their files."""
    return {path: text for path, text in texts.items() if text != _read(root / path)}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
