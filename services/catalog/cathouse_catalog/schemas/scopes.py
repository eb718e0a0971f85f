"""Bodies of scopes: the permissions that a cat's manifest declares, and the routes that each of them allows."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.schemas import Line, RequestBody, ResponseBody
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter

MAX_NAME, MAX_PATH, MAX_SCOPE_DESCRIPTION, MAX_SCOPE_ROUTES = 64, 512, 200, 50
MAX_ROUTES = 200
MAX_MANIFEST = 64 * 1024
"""Limits of all scopes of a cat together: the number of routes, and the bytes as JSON."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

# RFC 3986 allows more in a segment. % is excluded, because it would be unclear if a template is decoded before it is
# compared. * is excluded, because it looks like a wildcard.
_LITERAL = r"[A-Za-z0-9._~:@!$+,;=-]+"
_PARAMETER = r"\{[A-Za-z_][A-Za-z0-9_]*\}"
PATH_PATTERN = rf"^/(({_LITERAL}|{_PARAMETER})(/({_LITERAL}|{_PARAMETER}))*/?)?$"
NAME_PATTERN = "^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*$"


def _repeated(values: Iterable[str]) -> str | None:
    """Return the first value that occurs more than once, or None."""
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
    """Requests with one of these methods to a path that matches the template."""

    methods: Annotated[list[Method], Field(fail_fast=True), AfterValidator(_unique_methods)] = (
        Field(min_length=1, examples=[["GET"]], json_schema_extra={"uniqueItems": True})
    )
    path: Annotated[
        str,
        StringConstraints(max_length=MAX_PATH, pattern=PATH_PATTERN),
        AfterValidator(_sound_path),
    ] = Field(
        description="A template of the path below the cat's endpoint_url. A segment {name} matches any one segment "
        "that is not empty. If templates of several scopes match a request, the most specific one decides",
        examples=["/tasks/{id}"],
    )


def _unique_paths(routes: list[Route]) -> list[Route]:
    if path := _repeated(route.path for route in routes):
        raise ValueError(f"names the path {path} twice")
    return routes


class Scope(RequestBody):
    """A permission that players grant by its name. They cannot adopt a cat without its required scopes."""

    name: Annotated[str, StringConstraints(max_length=MAX_NAME, pattern=NAME_PATTERN)] = Field(
        examples=["tasks:read"]
    )
    description: Line = Field(
        max_length=MAX_SCOPE_DESCRIPTION,
        description="The explanation that players see",
        examples=["See your tasks"],
    )
    required: bool = Field(default=False, strict=True)
    routes: Annotated[
        list[Route],
        Field(min_length=1, max_length=MAX_SCOPE_ROUTES, fail_fast=True),
        AfterValidator(_unique_paths),
    ]


def _unique_names(scopes: list[Scope]) -> list[Scope]:
    if name := _repeated(scope.name for scope in scopes):
        raise ValueError(f"declares the scope {name} twice")
    return scopes


def _small_enough(scopes: list[Scope]) -> list[Scope]:
    routes = sum(len(scope.routes) for scope in scopes)
    if routes > MAX_ROUTES:
        raise ValueError(f"have {routes} routes together, but at most {MAX_ROUTES} are allowed")
    size = len(_SCOPES.dump_json(scopes))
    if size > MAX_MANIFEST:
        raise ValueError(f"have {size} bytes as JSON, but at most {MAX_MANIFEST} are allowed")
    return scopes


_SCOPES = TypeAdapter(list[Scope])

Scopes = Annotated[
    list[Scope],
    # fail_fast: three nested lists could give tens of thousands of errors. The first wrong item of each is enough.
    Field(
        max_length=50,
        fail_fast=True,
        description=f"All scopes together have at most {MAX_ROUTES} routes, and {MAX_MANIFEST} bytes as JSON",
        json_schema_extra={MAX_BYTES: MAX_MANIFEST},
    ),
    AfterValidator(_unique_names),
    AfterValidator(_small_enough),
]
"""All scopes of a manifest, with unique names."""


class RouteBody(ResponseBody):
    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    methods: list[Method] = Field(
        examples=[["GET"]], json_schema_extra={"minItems": 1, "uniqueItems": True}
    )
    path: str = Field(
        examples=["/tasks/{id}"],
        json_schema_extra={"maxLength": MAX_PATH, "pattern": PATH_PATTERN},
    )


class ScopeBody(ResponseBody):
    """A scope as it was declared. Its limits are only described: older scopes may exceed them."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    name: str = Field(
        examples=["tasks:read"],
        json_schema_extra={"maxLength": MAX_NAME, "pattern": NAME_PATTERN},
    )
    description: str = Field(
        examples=["See your tasks"],
        json_schema_extra={"minLength": 1, "maxLength": MAX_SCOPE_DESCRIPTION},
    )
    required: bool
    routes: list[RouteBody] = Field(json_schema_extra={"minItems": 1, "maxItems": MAX_SCOPE_ROUTES})


ScopeBodies = Annotated[list[ScopeBody], Field(json_schema_extra={MAX_BYTES: MAX_MANIFEST})]
