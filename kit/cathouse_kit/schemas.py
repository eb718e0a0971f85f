"""What request and answer bodies are made of."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

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


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """Text of any number of lines, trimmed: `Annotated[str, Paragraphs(max_length=2000)]`.

    Refuses control characters and surrogates: PostgreSQL cannot store NUL or a surrogate, which JSON can contain. The
    length, in characters, is checked before any character is looked at, so the cost of a check is bounded.
    """

    max_length: int
    min_length: int = 0

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(
            strip_whitespace=True, min_length=self.min_length or None, max_length=self.max_length
        )
        return core_schema.no_info_after_validator_function(_without_controls, text)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, trimmed and not empty: `Annotated[str, Line(max_length=80)]`. Refuses what `Paragraphs` does."""

    max_length: int

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = Paragraphs(self.max_length, min_length=1)
        return core_schema.no_info_after_validator_function(
            _one_line, text.__get_pydantic_core_schema__(source, handler)
        )


T = TypeVar("T")


class Page(ResponseBody, Generic[T]):
    """A part of a list, and how to ask for the next."""

    items: list[T]
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next part; null after the last"
    )
