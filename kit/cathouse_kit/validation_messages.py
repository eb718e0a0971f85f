"""Validation messages in the terms of the JSON that the caller sent.

Pydantic's messages use terms of Python: enum members, dictionaries, the items of a string.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

# The repr of an enum member, as in "Input should be <Color.RED: 'red'>".
_ENUM_MEMBER = re.compile(r"<\w+(?:\.\w+)+: ('[^']*'|-?\d+)>")
_ARRAY = "Input should be a valid array"
_OBJECT = "Input should be a valid object"

_BY_TYPE: dict[str, str] = {
    "dataclass_exact_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dict_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "frozen_set_type": _ARRAY,
    "iterable_type": _ARRAY,
    "list_type": _ARRAY,
    "set_type": _ARRAY,
    "tuple_type": _ARRAY,
    "none_required": "Input should be null",
    "string_sub_type": "Input should be a valid string",
    "string_unicode": "Input should be a valid string of Unicode characters",
    "uuid_parsing": "Input should be a valid UUID",
    "uuid_type": "Input should be a valid UUID",
}


def plain_message(error: Mapping[str, Any]) -> str:
    """Return the message for one error of pydantic's `errors()`. It never contains the value."""
    kind = error["type"]
    if kind in ("too_long", "too_short"):
        return _length(error)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return _ENUM_MEMBER.sub(r"\1", message)


def _length(error: Mapping[str, Any]) -> str:
    context = error["ctx"]
    bound, least_or_most = (
        (context["max_length"], "most")
        if error["type"] == "too_long"
        else (context["min_length"], "least")
    )
    unit = _unit(error.get("input"))
    return f"Input should have at {least_or_most} {bound} {unit}{'' if bound == 1 else 's'}"


def _unit(value: object) -> str:
    if isinstance(value, str | SecretStr):
        return "character"
    return "member" if isinstance(value, Mapping) else "item"
