"""Rows of a table for each key of a file's format, from its JSON Schema."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_LIMITS = {
    "const": "{} only",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "not empty",
    "minProperties": "not empty",
    "pattern": "`{}`",
}


def schema_rows(schema: Schema) -> Iterator[dict[str, str]]:
    """Yield `key`, `type`, `default` and `limits` of each key; names that the file's author chooses are `NAME`."""
    yield from _rows(schema, schema.get("$defs", {}), "")


def _rows(section: Schema, definitions: Schema, path: str) -> Iterator[dict[str, str]]:
    for name, key in section["properties"].items():
        value = _resolve(key, definitions)
        of_names = _resolve(value.get("additionalProperties") or {}, definitions)
        # A section without a default may be left out, too: its own keys say what happens then.
        nested = "properties" in value or "properties" in of_names
        default = value.get("default", key.get("default"))
        yield {
            "key": f"{path}{name}",
            "type": _type(value, definitions),
            "default": "" if nested or default is None else _written(default),
            "required": "yes" if name in section.get("required", ()) else "",
            "limits": ", ".join(
                text.format(value[limit]) for limit, text in _LIMITS.items() if limit in value
            ),
        }
        if "properties" in value:
            yield from _rows(value, definitions, f"{path}{name}.")
        if "properties" in of_names:
            yield from _rows(of_names, definitions, f"{path}{name}.NAME.")


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    """Follow a reference, and take the type of a value that may be null."""
    for alternative in schema.get("anyOf", ()):
        if alternative.get("type") != "null":
            return _resolve(alternative, definitions)
    if reference := schema.get("$ref"):
        resolved: Schema = definitions[reference.rpartition("/")[2]]
        return resolved
    return schema


def _type(schema: Schema, definitions: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(_resolve(schema['items'], definitions), definitions)}"
        case "object" if "properties" not in schema:
            return "keys of your choice"
        case "object":
            return "section"
        case "integer":
            return "whole number"
        case "boolean":
            return "true, false"
    return "text"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in ("", [], {}) else str(value)
