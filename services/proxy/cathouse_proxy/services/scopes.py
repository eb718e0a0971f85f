"""Which scopes of a cat open a method and a path."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that a scope opens. A segment that is None in the template stands for any one that is not empty."""

    methods: frozenset[str]
    template: tuple[str | None, ...]

    @classmethod
    def of(cls, methods: Iterable[str], path: str) -> "Route":
        """From a manifest, such as `["GET"], "/tasks/{id}"`."""
        segments = path.removeprefix("/").split("/")
        return cls(
            frozenset(methods),
            tuple(None if s.startswith("{") and s.endswith("}") else s for s in segments),
        )

    def matches(self, method: str, segments: Sequence[str]) -> bool:
        """Whether it is one of these requests. `segments` are decoded."""
        return (
            method in self.methods
            and len(segments) == len(self.template)
            and all(
                segment != "" if expected is None else segment == expected
                for expected, segment in zip(self.template, segments, strict=True)
            )
        )


@dataclass(frozen=True, slots=True)
class Scope:
    name: str
    routes: tuple[Route, ...]


def opening_scopes(scopes: Iterable[Scope], method: str, segments: Sequence[str]) -> list[str]:
    """The names of all scopes that open this request, in the manifest's order."""
    return [
        scope.name
        for scope in scopes
        if any(route.matches(method, segments) for route in scope.routes)
    ]
