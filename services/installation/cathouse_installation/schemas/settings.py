"""The settings of an installation: any JSON object of limited size and depth."""

import json
from typing import Annotated, Any

from cathouse_kit import bounds
from pydantic import AfterValidator, Field

MAX_BYTES = 16 * 1024
MAX_DEPTH = 10


def _acceptable(settings: dict[str, Any]) -> dict[str, Any]:
    _check(settings, depth=1, left=MAX_BYTES)
    # Python's parser accepts NaN and Infinity, which are not JSON.
    written = json.dumps(settings, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(written.encode()) > MAX_BYTES:
        raise _too_long()
    return settings


def _check(value: object, depth: int, left: int) -> int:
    """Return how many of `left` bytes remain after a value, counting its minimum size.

    Raise `ValueError` when no byte remains. A value that is far too long is refused before all of it is read.
    """
    left -= len(value) + 2 if isinstance(value, str) else 1
    if left < 0:
        raise _too_long()
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise ValueError(f"must not be nested deeper than {MAX_DEPTH} levels")
        for inner in value:
            left = _check(inner, depth + 1, left)
        if isinstance(value, dict):
            for inner in value.values():
                left = _check(inner, depth + 1, left)
    elif isinstance(value, str) and any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("must not contain NUL or an unpaired surrogate")
    return left


def _too_long() -> ValueError:
    return ValueError(f"must not be longer than {MAX_BYTES} bytes")


SettingsObject = Annotated[
    dict[str, Any],
    AfterValidator(_acceptable),
    Field(
        description=f"A JSON object of at most {MAX_BYTES} bytes and {MAX_DEPTH} levels",
        json_schema_extra={bounds.MAX_BYTES: MAX_BYTES},
        examples=[{"theme": "dark", "reminders": {"hour": 8}}],
    ),
]
"""Settings that PostgreSQL can store and every JSON parser can read."""
