"""The largest size of a JSON body in bytes, computed from its schema in an OpenAPI description.

The keyword `x-maxBytes` is the project's own. It states the bound of a value that has none in its parts. Examples are a
JSON object of any shape, and a list that is limited as a whole.
"""

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

MAX_BYTES = "x-maxBytes"
# In UTF-8. Quotes and backslashes are escaped to two bytes. No control characters except newline and tab are sent.
_CHARACTER_BYTES = 4
_FORMATS = {"uuid": 36, "date-time": 35}
_PLAIN = {"boolean": 5, "null": 4, "integer": 20, "number": 25}


class Unbounded(ValueError):
    """A value has no bound. The message names the first such place."""


def largest(schema: Schema, schemas: Mapping[str, Schema], place: str = "body") -> int:
    """Return the bytes of the longest JSON that a schema allows. `schemas` are the schemas that it refers to.

    Raises `Unbounded`.
    """
    if MAX_BYTES in schema:
        return int(schema[MAX_BYTES])
    if "$ref" in schema:
        return largest(schemas[schema["$ref"].rpartition("/")[2]], schemas, place)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return max(largest(one, schemas, place) for one in schema[choice])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return max(len(json.dumps(value)) for value in values)
    match schema.get("type"):
        case "string":
            return 2 + _string(schema, place)
        case "array" if "maxItems" in schema:
            item = largest(schema.get("items", {}), schemas, f"{place}[]")
            return 2 + int(schema["maxItems"]) * (item + 1)
        case "object" if "properties" in schema and not schema.get("additionalProperties"):
            return 2 + sum(
                len(json.dumps(name)) + 2 + largest(value, schemas, f"{place}.{name}")
                for name, value in schema["properties"].items()
            )
        case str(kind) if kind in _PLAIN:
            return _PLAIN[kind]
    raise Unbounded(
        f"{place} has no bound: state maxLength, maxItems or {MAX_BYTES}; it is {dict(schema)}"
    )


def _string(schema: Schema, place: str) -> int:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if "maxLength" not in schema:
        raise Unbounded(f"{place} has no bound: state maxLength or {MAX_BYTES}")
    return int(schema["maxLength"]) * _CHARACTER_BYTES
