"""Which scopes of a cat open a method and a path.

The most specific template that a path matches decides alone, whichever scope names it and for whichever methods: a
scope with `/tasks/{id}` does not open `/tasks/export` where another scope names that path.

Templates are compared segment by segment, from the left; a literal segment is more specific than a placeholder. Many
servers ignore letter case, path parameters (`;…`) and a slash at the end. A path that differs from a template only in
these is decided by this template too, which then opens nothing: a cat may take the path for either of the two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Rank = tuple[tuple[bool, ...], tuple[bool, ...]]
"""How well a template matches a path; the lowest decides. First, for each segment, whether it is a placeholder; then,
for each segment and for the slash at the end, whether it differs from the path."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path as templates are compared with it."""

    segments: tuple[str, ...]
    alike: tuple[str, ...]
    """The segments without letter case and parameters, without the empty one after a slash at the end."""

    @classmethod
    def of(cls, segments: Sequence[str]) -> "Path":
        """From decoded segments, as `Target.segments` has them."""
        shown = segments if segments[-1] else segments[:-1]
        return cls(
            tuple(segments), tuple(segment.partition(";")[0].casefold() for segment in shown)
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that a scope opens. A segment that is None in the template stands for any one that is not empty."""

    methods: frozenset[str]
    template: tuple[str | None, ...]
    alike: tuple[str | None, ...]
    placeholders: tuple[bool, ...]

    @classmethod
    def of(cls, methods: Iterable[str], path: str) -> "Route":
        """From a manifest, such as `["GET"], "/tasks/{id}"`."""
        segments = path.removeprefix("/").split("/")
        names = [s.startswith("{") and s.endswith("}") for s in segments]
        literals = Path.of(segments)
        return cls(
            frozenset(methods),
            tuple(None if name else s for s, name in zip(segments, names, strict=True)),
            tuple(None if name else s for s, name in zip(literals.alike, names, strict=False)),
            tuple(names[: len(literals.alike)]),
        )

    def rank(self, path: Path) -> Rank | None:
        """How well it matches, or None where it does not."""
        if len(self.alike) != len(path.alike):
            return None
        for expected, segment in zip(self.alike, path.alike, strict=True):
            if segment != expected if expected is not None else not segment:
                return None
        differs = [
            expected is not None and expected != segment
            for expected, segment in zip(self.template, path.segments, strict=False)
        ]
        return self.placeholders, (*differs, len(self.template) != len(path.segments))


@dataclass(frozen=True, slots=True)
class Scope:
    name: str
    routes: tuple[Route, ...]


def opening_scopes(scopes: Iterable[Scope], method: str, segments: Sequence[str]) -> list[str]:
    """Return the names of all scopes that open this request, in the manifest's order. `segments` are decoded."""
    path = Path.of(segments)
    lowest: Rank | None = None
    deciding: list[tuple[str, Route]] = []
    for scope in scopes:
        for route in scope.routes:
            rank = route.rank(path)
            if rank is None or (lowest is not None and rank > lowest):
                continue
            if rank != lowest:
                lowest, deciding = rank, []
            deciding.append((scope.name, route))
    if lowest is None or any(lowest[1]):
        return []
    return list(dict.fromkeys(name for name, route in deciding if method in route.methods))
