"""Scopes: the permissions that a cat's manifest declares, and the routes that each of them opens."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from cathouse_kit.schemas import Line, RequestBody
from pydantic import AfterValidator, Field, StringConstraints

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

# RFC 3986 would allow more in a segment. % is left out because nobody should have to ask whether a template is decoded
# before it is compared, * because it would look like a wildcard.
_LITERAL = r"[A-Za-z0-9._~:@!$+,;=-]+"
_PARAMETER = r"\{[A-Za-z_][A-Za-z0-9_]*\}"
PATH_PATTERN = rf"^/(({_LITERAL}|{_PARAMETER})(/({_LITERAL}|{_PARAMETER}))*/?)?$"


def _repeated(values: Iterable[str]) -> str | None:
    """The first value that stands more than once."""
    return next((value for value, times in Counter(values).items() if times > 1), None)


def _sound_path(path: str) -> str:
    segments = path.split("/")
    if "." in segments or ".." in segments:
        raise ValueError("must not have the segments . and ..")
    if parameter := _repeated(part for part in segments if part.startswith("{")):
        raise ValueError(f"must not have the parameter {parameter} twice")
    return path


def _unique_methods(methods: list[Method]) -> list[Method]:
    if method := _repeated(methods):
        raise ValueError(f"names {method} twice")
    return methods


class Route(RequestBody):
    """Requests by these methods to paths of this shape."""

    methods: Annotated[list[Method], Field(fail_fast=True), AfterValidator(_unique_methods)] = (
        Field(min_length=1, examples=[["GET"]], json_schema_extra={"uniqueItems": True})
    )
    path: Annotated[
        str,
        StringConstraints(max_length=512, pattern=PATH_PATTERN),
        AfterValidator(_sound_path),
    ] = Field(
        description="Below the cat's endpoint_url. A segment {name} stands for any one segment that is not empty. "
        "The most specific template of all scopes that matches a request decides which scope opens it",
        examples=["/tasks/{id}"],
    )


def _unique_paths(routes: list[Route]) -> list[Route]:
    if path := _repeated(route.path for route in routes):
        raise ValueError(f"names the path {path} twice")
    return routes


class Scope(RequestBody):
    """A permission. Players grant it by its name, or do not; without a required one they cannot adopt the cat."""

    name: Annotated[
        str, StringConstraints(max_length=64, pattern="^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*$")
    ] = Field(examples=["tasks:read"])
    description: Line = Field(
        max_length=200, description="What players are told", examples=["See your tasks"]
    )
    required: bool = Field(default=False, strict=True)
    routes: Annotated[
        list[Route],
        Field(min_length=1, max_length=50, fail_fast=True),
        AfterValidator(_unique_paths),
    ]


def _unique_names(scopes: list[Scope]) -> list[Scope]:
    if name := _repeated(scope.name for scope in scopes):
        raise ValueError(f"declares the scope {name} twice")
    return scopes


# Of three lists inside each other, all errors would be tens of thousands: the first wrong item of each is enough.
Scopes = Annotated[list[Scope], Field(max_length=50, fail_fast=True), AfterValidator(_unique_names)]
"""All scopes of a manifest; each name stands once."""
