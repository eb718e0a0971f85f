"""Every list and every stored document has a bound, and the API description states it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cathouse_kit.bounds import Unbounded, largest
from fastapi import FastAPI

# A process has 384 MiB of memory, and may send several bodies at the same time.
MAX_RESPONSE = 6 * 1024 * 1024


def operations(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            if "probes" not in operation.get("tags", []):
                yield f"{method.upper()} {path}", operation


def json_schemas(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the JSON bodies of each operation, of requests and responses."""
    for name, operation in operations(app):
        contents = {"request": operation.get("requestBody", {}).get("content", {})} | {
            status: response.get("content", {})
            for status, response in operation["responses"].items()
            if status.startswith("2")
        }
        for where, content in contents.items():
            if "application/json" in content:
                yield f"{name} {where}", content["application/json"]["schema"]


def test_the_longest_legal_body_of_every_route_has_a_bound(app: FastAPI) -> None:
    """Fails, with the name, for a field without maxLength, a list without maxItems, or an object of any shape."""
    schemas = app.openapi()["components"]["schemas"]
    sizes = {name: largest(schema, schemas, name) for name, schema in json_schemas(app)}
    # A new service may have no routes yet.
    assert sizes or not list(operations(app))
    assert {name: size for name, size in sizes.items() if size > MAX_RESPONSE} == {}


def test_the_description_of_every_list_states_its_bound(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    for name, operation in operations(app):
        if any(parameter["name"] == "limit" for parameter in operation.get("parameters", [])):
            response = operation["responses"]["200"]
            size = largest(response["content"]["application/json"]["schema"], schemas)
            assert f"{size:,} bytes" in response["description"], name


@pytest.mark.parametrize(
    ("schema", "longest"),
    [
        ({"type": "string", "maxLength": 3}, "🐈🐈🐈"),
        ({"type": "string", "maxLength": 2}, '"\\'),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, [False, False]),
        ({"type": "object", "properties": {"ab": {"type": "null"}}}, {"ab": None}),
        ({"enum": ["a", "abc"]}, "abc"),
        ({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}, "0" * 36),
        ({"type": "integer"}, -(2**63)),
    ],
)
def test_no_body_is_longer_than_is_computed(schema: dict[str, Any], longest: Any) -> None:
    text = json.dumps(longest, ensure_ascii=False, separators=(",", ":"))
    assert len(text.encode()) <= largest(schema, {})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "array", "items": {"type": "boolean"}},
        {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {},
    ],
)
def test_a_body_without_a_bound_is_named(schema: dict[str, Any]) -> None:
    with pytest.raises(Unbounded, match="has no bound"):
        largest(schema, {})
