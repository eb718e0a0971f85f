"""Base classes and field types of request and response bodies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.display_text import displayable
from cathouse_kit.problems import MAX_ERRORS


class RequestBody(BaseModel):
    """A request body. Unknown fields are refused, and error texts never contain values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_surplus_unknown_fields(cls, body: Any) -> Any:
        # Pydantic describes every unknown field. For 100,000 fields it needs seconds, and only 20 are reported.
        known = cls.model_fields
        if not isinstance(body, dict) or len(body) <= len(known) + MAX_ERRORS:
            return body
        unknown = islice((name for name in body if name not in known), MAX_ERRORS + 1)
        return {name: body[name] for name in (*(known.keys() & body.keys()), *unknown)}


class ResponseBody(BaseModel):
    """A response body. It can be created from the attributes of a model, and from keywords."""

    model_config = ConfigDict(from_attributes=True, hide_input_in_errors=True)


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


# Not a serializer in Python: a page of a list would call it 40 times, for a seventh of the total time.
# Pydantic's serializer writes UTC as RFC 3339 with `Z`.
Timestamp = Annotated[datetime, AfterValidator(_in_utc)]
"""A time, sent in UTC as RFC 3339 with `Z`."""


MAX_LINE, MAX_PARAGRAPHS = 2048, 10_000
"""The highest limits that a field may have, in characters. Longer texts are refused before their content is checked."""


@dataclass(frozen=True, slots=True)
class _Text:
    # Not StringConstraints with AfterValidator. The length must be checked before the slow check of the characters, and
    # again after normalization, which may add characters.
    min_length: int
    max_length: int
    check: Callable[[str], str]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        # The field's own Field(max_length=…) may have set a limit already.
        text: dict[str, Any] = {"strip_whitespace": True, **cast("dict[str, Any]", handler(source))}
        if self.min_length:
            text.setdefault("min_length", self.min_length)
        limit = text["max_length"] = min(text.get("max_length", self.max_length), self.max_length)

        def check(value: str) -> str:
            value = self.check(value)
            if len(value) > limit:
                raise PydanticKnownError("string_too_long", {"max_length": limit})
            return value

        return core_schema.no_info_after_validator_function(check, cast("CoreSchema", text))


def _line(value: str) -> str:
    if "\n" in value or "\t" in value:
        raise ValueError("must be one line")
    return displayable(value)


Paragraphs = Annotated[str, _Text(0, MAX_PARAGRAPHS, displayable)]
"""Text of any number of lines that others may see, trimmed. `displayable` refuses invisible characters. A field sets
its own limit: `Annotated[Paragraphs, Field(max_length=2000)]`."""

Line = Annotated[str, _Text(1, MAX_LINE, _line)]
"""A line of text that others may see, trimmed and not empty."""

T = TypeVar("T")

MAX_ITEMS = 100
"""The most items of a page."""
MAX_CURSOR = 1024
"""The most characters of a cursor, all of them ASCII."""


class Page(ResponseBody, Generic[T]):
    """A page of a list, with the cursor of the next page."""

    items: list[T] = Field(max_length=MAX_ITEMS)
    next_cursor: str | None = Field(
        json_schema_extra={MAX_BYTES: MAX_CURSOR + 2},
        description="Send it as `cursor` to get the next page; null on the last page",
    )
