"""The scopes of a cat that allow a method and a path.

Only the most specific template that matches a path decides, for all scopes and methods. For example, a scope with
`/tasks/{id}` does not allow `/tasks/export` if another scope names `/tasks/export`.

Templates are compared segment by segment, from the left. A literal segment is more specific than a placeholder. Many
servers ignore letter case, path parameters (`;…`) and a slash at the end. If a path differs from the most specific
template only in these, no scope allows it. The reason is that the cat may read the path in either way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Rank = tuple[tuple[bool, ...], tuple[bool, ...]]
"""The rank of a template for a path. The template with the lowest rank decides.

The first tuple says for each segment if it is a placeholder. The second says for each segment, and for the slash at the
end, if it differs from the path.
"""


@dataclass(frozen=True, slots=True)
class Path:
    """A path in the form that is compared with templates."""

    segments: tuple[str, ...]
    alike: tuple[str, ...]
    """The segments in lower case, without parameters, and without the empty segment after a slash at the end."""

    @classmethod
    def of(cls, segments: Sequence[str]) -> "Path":
        """Create it from decoded segments, as in `Target.segments`."""
        shown = segments if segments[-1] else segments[:-1]
        return cls(
            tuple(segments), tuple(segment.partition(";")[0].casefold() for segment in shown)
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that a scope allows. None in the template matches any segment that is not empty."""

    methods: frozenset[str]
    template: tuple[str | None, ...]
    alike: tuple[str | None, ...]
    placeholders: tuple[bool, ...]

    @classmethod
    def of(cls, methods: Iterable[str], path: str) -> "Route":
        """Create it from the values in a manifest, such as `["GET"], "/tasks/{id}"`."""
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
        """Return the rank of the template for this path, or None if it does not match."""
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
    """Return the names of all scopes that allow this request, in the manifest's order. `segments` are decoded."""
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
