"""One description of what clients call, merged from those of the services: what the clients are generated from."""

from collections.abc import Iterator, Mapping
from typing import Any

_NOT_FOR_CLIENTS = {"probes", "internal"}
_METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}
# The layer by hand raises every problem as an exception that holds these.
_PROBLEMS = {"Problem", "InvalidField"}
_REFERENCE = "#/components/schemas/"


def merged(descriptions: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the public operations of all services into one description.

    Left out are probes, `/internal` routes, proxied calls (generators have no type for `*/*`), and errors, which the
    clients raise. An operation's tag is its service, and its id begins with the service's name. Where two services
    have other schemas of one name, that of the later service begins with the service's name too: a new service
    renames nothing.
    """
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    first: dict[str, Any] = {}
    for service, description in descriptions.items():
        own = description["components"]["schemas"]
        names = {name: service.title() + name for name in _clashing(own, first)}
        first = own | first
        for path, item in description["paths"].items():
            for method, operation in item.items():
                if method in _METHODS and _is_public(operation):
                    paths.setdefault(path, {})[method] = _renamed(_of(service, operation), names)
        for name, schema in own.items():
            schemas.setdefault(names.get(name, name), _renamed(schema, names))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cat House", "version": _version(descriptions)},
        "paths": paths,
        "components": {"schemas": _used(paths, schemas)},
    }


def _of(service: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {
        **operation,
        "tags": [service],
        "operationId": f"{service}_{operation['operationId']}",
        "responses": _successes(operation),
    }
    chosen.pop("security", None)
    return chosen


def _clashing(schemas: Mapping[str, Any], first: Mapping[str, Any]) -> set[str]:
    """Return the names whose schema, or one that it leads to, is another one in `first`."""
    shared = schemas.keys() & first.keys()
    clashing = {name for name in shared if schemas[name] != first[name]}
    while more := {
        name for name in shared - clashing if clashing.intersection(_referenced(schemas[name]))
    }:
        clashing |= more
    return clashing


def _version(descriptions: Mapping[str, Any]) -> str:
    version: str = next(iter(descriptions.values()))["info"]["version"]
    return version


def _is_public(operation: Mapping[str, Any]) -> bool:
    contents = [operation.get("requestBody", {}), *operation["responses"].values()]
    return not _NOT_FOR_CLIENTS.intersection(operation["tags"]) and not any(
        "*/*" in content.get("content", {}) for content in contents
    )


def _successes(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        status: response
        for status, response in operation["responses"].items()
        if status.startswith("2")
    }


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """Copy a part of a description, with its references led to the new names."""
    if isinstance(node, list):
        return [_renamed(inner, names) for inner in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _renamed(value, names) for key, value in node.items()}
    if isinstance(reference := node.get("$ref"), str):
        name = reference.removeprefix(_REFERENCE)
        copy["$ref"] = _REFERENCE + names.get(name, name)
    return copy


def _used(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas that operations lead to, and those of problems, by name."""
    found: set[str] = set()
    open_names = {*_referenced(paths), *_PROBLEMS}
    while open_names:
        found |= open_names
        open_names = {n for name in open_names for n in _referenced(schemas[name])} - found
    return {name: schemas[name] for name in sorted(found)}


def _referenced(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value.removeprefix(_REFERENCE)
            else:
                yield from _referenced(value)
    elif isinstance(node, list):
        for inner in node:
            yield from _referenced(inner)
