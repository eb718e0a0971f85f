"""A flat form of an OpenAPI description. Every operation, parameter, field and response is one node.

Two descriptions in this form can be compared node by node. References are resolved, so the place of a schema does not
matter.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

Key = tuple[str, ...]
"""The steps that lead to a node: an operation, a part of it, then fields, elements and kinds of value."""

_METHODS = ("get", "put", "post", "patch", "delete", "head", "options", "trace")
# A default belongs to the field that can be left out. `_default` adds it there.
_ANNOTATIONS = frozenset(
    {"title", "description", "examples", "example", "default", "readOnly", "writeOnly", "$comment"}
)
# Keywords that become separate nodes, or attributes of the node itself.
_STRUCTURE = frozenset(
    {"type", "properties", "required", "items", "deprecated", "anyOf", "oneOf", "discriminator"}
)
_ALTERNATIVES = frozenset({"anyOf", "oneOf", "discriminator", "title"})
_PROBLEM = "#/components/schemas/Problem"
EVERY_PROBLEM: Key = ("every problem",)
"""The node of the common form of all errors. It is not an operation, but has the same level."""


class Side(Enum):
    """The direction of the data at a node. It decides which changes are breaking."""

    OPERATION = auto()
    TAKEN = auto()
    """Requests. They may allow more without breaking callers."""
    GIVEN = auto()
    """Responses. They may get more fields and fewer kinds of value without breaking callers."""


class Kind(Enum):
    OPERATION = auto()
    RESPONSE = auto()
    """A response with one status."""
    FIELD = auto()
    """A parameter, a body, a field of an object."""
    ELEMENT = auto()
    """Every item of an array, or every value of an object with any names."""
    VALUE = auto()
    """One of the kinds of value that the node above allows, such as null."""


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """An operation, parameter, field or response, with the facts that matter to callers."""

    side: Side
    kind: Kind
    required: bool = False
    deprecated: str = ""
    """The text about the deprecation, or an empty text."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The constraints of the node, by keyword."""


def flatten(description: Mapping[str, Any]) -> dict[Key, SchemaNode]:
    """Return all nodes of an OpenAPI 3.1 description by their keys."""
    return dict(_Flattened(description).nodes())


class _Flattened:
    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = description

    def nodes(self) -> Iterator[tuple[Key, SchemaNode]]:
        for path, item in self._description["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield from self._operation((f"{method.upper()} {path}",), item[method])
        problem = self._description.get("components", {}).get("schemas", {}).get("Problem")
        if problem is not None:
            yield EVERY_PROBLEM, SchemaNode(Side.GIVEN, Kind.RESPONSE)
            yield from self._schema(EVERY_PROBLEM, problem, Side.GIVEN, ())

    def _operation(
        self, key: Key, operation: Mapping[str, Any]
    ) -> Iterator[tuple[Key, SchemaNode]]:
        yield (
            key,
            SchemaNode(
                Side.OPERATION,
                Kind.OPERATION,
                deprecated=_deprecated(operation),
                facts={
                    "operationId": operation.get("operationId"),
                    "security": frozenset(
                        frozenset((self._scheme(name), *scopes) for name, scopes in choice.items())
                        for choice in operation.get("security", [{}])
                    ),
                },
            ),
        )
        for parameter in operation.get("parameters", []):
            parameter = self._resolved(parameter)
            below = (*key, f"{parameter['in']} parameter {parameter['name']}")
            yield from self._field(below, parameter, parameter.get("required", False), Side.TAKEN)
        if "requestBody" in operation:
            body = self._resolved(operation["requestBody"])
            yield from self._content(
                (*key, "body"), body, body.get("required", False), Kind.FIELD, Side.TAKEN
            )
        for status, response in operation["responses"].items():
            response = self._resolved(response)
            below = (*key, status)
            yield from self._content(below, response, True, Kind.RESPONSE, Side.GIVEN)
            for name, header in response.get("headers", {}).items():
                header = self._resolved(header)
                yield from self._field(
                    (*below, f" header {name}"), header, header.get("required", False), Side.GIVEN
                )

    def _scheme(self, name: str) -> str:
        """Return the name of a security scheme and its keywords, without descriptive texts."""
        schemes = self._description.get("components", {}).get("securitySchemes", {})
        shown = {
            keyword: value
            for keyword, value in self._resolved(schemes.get(name, {})).items()
            if keyword not in ("description", "bearerFormat")
        }
        return f"{name} {json.dumps(shown, sort_keys=True)}"

    def _field(
        self, key: Key, parameter: Mapping[str, Any], required: bool, side: Side
    ) -> Iterator[tuple[Key, SchemaNode]]:
        facts = self._facts(
            parameter, frozenset({"name", "in", "required", "deprecated", "schema"})
        )
        schema = parameter.get("schema", {})
        facts |= self._default(schema, required, side)
        yield key, SchemaNode(side, Kind.FIELD, required, _deprecated(parameter), facts)
        yield from self._schema(key, schema, side, ())

    def _content(
        self, key: Key, holder: Mapping[str, Any], required: bool, kind: Kind, side: Side
    ) -> Iterator[tuple[Key, SchemaNode]]:
        yield key, SchemaNode(side, kind, required)
        for media_type, content in holder.get("content", {}).items():
            below = (*key, f" as {media_type}")
            schema = content.get("schema", {})
            yield below, SchemaNode(side, Kind.VALUE, facts=self._default(schema, required, side))
            # Problems are the same everywhere, and have their own node.
            if schema.get("$ref") != _PROBLEM:
                yield from self._schema(below, schema, side, ())

    def _schema(
        self, key: Key, schema: Mapping[str, Any], side: Side, refs: tuple[str, ...]
    ) -> Iterator[tuple[Key, SchemaNode]]:
        kinds = list(self._kinds(schema, refs))
        names = [_type_name(kind) for kind, _ in kinds]
        for number, (kind, inner_refs) in enumerate(kinds):
            name = names[number]
            if names.count(name) > 1:
                reference = inner_refs[-1].rpartition("/")[2] if inner_refs != refs else None
                name = kind.get("title") or reference or f"{name} {number + 1}"
            yield from self._kind((*key, f"({name})"), kind, side, inner_refs)

    def _kinds(
        self, schema: Mapping[str, Any], refs: tuple[str, ...]
    ) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
        """Yield the kinds of value of a schema, each as a schema without a reference or alternatives at its top."""
        if "$ref" in schema:
            reference = schema["$ref"]
            own = {name: value for name, value in schema.items() if name != "$ref"}
            if reference in refs:
                yield {"type": "object", "same as": reference}, refs
            else:
                yield from self._kinds(self._resolved(schema) | own, (*refs, reference))
        elif len(schema.get("allOf", ())) == 1:
            own = {name: value for name, value in schema.items() if name != "allOf"}
            yield from self._kinds({**schema["allOf"][0], **own}, refs)
        elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
            own = {name: value for name, value in schema.items() if name not in _ALTERNATIVES}
            for alternative in alternatives:
                yield from self._kinds({**alternative, **own}, refs)
        elif isinstance(schema.get("type"), list):
            for name in schema["type"]:
                yield {**schema, "type": name}, refs
        else:
            yield schema, refs

    def _kind(
        self, key: Key, schema: Mapping[str, Any], side: Side, refs: tuple[str, ...]
    ) -> Iterator[tuple[Key, SchemaNode]]:
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            schema = {k: value for k, value in schema.items() if k != "additionalProperties"}
        facts = self._facts(schema, _STRUCTURE)
        if "const" in facts:
            facts["enum"] = [facts.pop("const")]
        if schema.get("type") == "integer":
            facts["whole numbers only"] = True
        yield key, SchemaNode(side, Kind.VALUE, facts=facts)

        required = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            below = (*key, f".{name}")
            facts = self._default(inner, name in required, side)
            yield below, SchemaNode(side, Kind.FIELD, name in required, _deprecated(inner), facts)
            yield from self._schema(below, inner, side, refs)
        for step, inner in (("[]", schema.get("items")), ("{}", values)):
            if isinstance(inner, dict):
                yield (*key, step), SchemaNode(side, Kind.ELEMENT)
                yield from self._schema((*key, step), inner, side, refs)

    def _default(self, schema: Mapping[str, Any], required: bool, side: Side) -> dict[str, Any]:
        """Return the default of a value that callers can leave out. Required values and responses have none."""
        if required or side is not Side.TAKEN:
            return {}
        kinds = (kind for kind, _ in self._kinds(schema, ()))
        return {"default": next((kind["default"] for kind in kinds if "default" in kind), None)}

    def _facts(self, node: Mapping[str, Any], nodes: frozenset[str]) -> dict[str, Any]:
        """Return the constraints of a schema or parameter, except the keywords that become nodes.

        References are followed, because their targets may change while the references stay the same.
        """
        return {
            name: self._followed(value, ())
            for name, value in node.items()
            if name not in _ANNOTATIONS and name not in nodes
        }

    def _followed(self, value: Any, refs: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [self._followed(each, refs) for each in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str) and reference not in refs:
            return self._followed(self._resolved(value), (*refs, reference))
        return {name: self._followed(each, refs) for name, each in value.items()}

    def _resolved(self, node: Mapping[str, Any]) -> dict[str, Any]:
        found: Any = node
        while "$ref" in found:
            steps = found["$ref"].removeprefix("#/").split("/")
            found = self._description
            for step in steps:
                found = found[step.replace("~1", "/").replace("~0", "~")]
        return dict(found)


def _deprecated(node: Mapping[str, Any]) -> str:
    if not node.get("deprecated", False):
        return ""
    return f"deprecated, until {node['x-sunset']}" if "x-sunset" in node else "deprecated"


def _type_name(schema: Mapping[str, Any]) -> str:
    if "type" in schema:
        return "number" if schema["type"] == "integer" else str(schema["type"])
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if values and all(isinstance(value, str) for value in values):
        return "string"
    return "anything"
