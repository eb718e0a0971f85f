"""What request and answer bodies are made of."""

import unicodedata
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from cathouse_kit.problems import MAX_ERRORS


class RequestBody(BaseModel):
    """A request body. Unknown fields are refused, and error texts never contain values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_surplus_unknown_fields(cls, body: Any) -> Any:
        # Pydantic describes every unknown field. For 100,000 of them that takes seconds, for 20 reported errors.
        known = cls.model_fields
        if not isinstance(body, dict) or len(body) <= len(known) + MAX_ERRORS:
            return body
        unknown = islice((name for name in body if name not in known), MAX_ERRORS + 1)
        return {name: body[name] for name in (*(known.keys() & body.keys()), *unknown)}


class ResponseBody(BaseModel):
    """A body that is sent; made from a model's attributes as well as from keywords."""

    model_config = ConfigDict(from_attributes=True, hide_input_in_errors=True)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    PlainSerializer(_rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A moment, sent in UTC as RFC 3339 with `Z`."""


def _without_controls(value: str) -> str:
    for character in value:
        category = unicodedata.category(character)
        if category == "Cc" and character not in "\n\t":
            raise ValueError("must not contain control characters")
        if category == "Cs":
            raise ValueError("must not contain surrogates")
    return value


def _one_line(value: str) -> str:
    if "\n" in value or "\t" in value:
        raise ValueError("must be one line")
    return value


Paragraphs = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_without_controls)
]
"""Text of any number of lines, trimmed. PostgreSQL cannot store a NUL or a surrogate, which JSON can bring, and nobody
means the other controls."""

Line = Annotated[Paragraphs, StringConstraints(min_length=1), AfterValidator(_one_line)]
"""A line of text, trimmed and not empty."""

T = TypeVar("T")


class Page(ResponseBody, Generic[T]):
    """A part of a list, and how to ask for the next."""

    items: list[T]
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next part; null after the last"
    )
