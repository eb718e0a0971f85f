"""Messages for callers about invalid fields."""

import re
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from cathouse_kit.schemas import RequestBody
from cathouse_kit.validation_messages import plain_message
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

PYTHON = re.compile(
    r"<|dict|\blist\b|\btuple\b|\bset\b|None|Enum|SecretStr|instance of|validation, not|Value error|Assertion"
)


class Colour(StrEnum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = -2


class Inner(RequestBody):
    name: str


def one_line(value: str) -> str:
    if "\n" in value:
        raise ValueError("must be one line")
    return value


class Body(RequestBody):
    colour: Colour = Colour.RED
    one: Literal[Colour.DARK_BLUE] = Colour.DARK_BLUE
    some: Literal[Colour.RED, Colour.DARK_BLUE, "none"] = "none"
    size: Literal[Size.SMALL, Size.LARGE] = Size.SMALL
    secret: Annotated[SecretStr, Field(min_length=12, max_length=20)] = SecretStr("")
    code: Annotated[SecretStr, Field(min_length=1)] = SecretStr("")
    line: Annotated[str, StringConstraints(max_length=10), AfterValidator(one_line)] = "a"
    text: str = ""
    checked: Annotated[str, AfterValidator(one_line), Field(max_length=3)] = ""
    raw: Annotated[bytes, Field(max_length=2)] = b""
    items: Annotated[list[int], Field(min_length=1, max_length=2)] = Field(default_factory=list)
    several: set[int] = Field(default_factory=set)
    pair: tuple[int, int] = (1, 2)
    inner: Inner | None = None
    table: Annotated[dict[str, int], Field(max_length=1)] = Field(default_factory=dict)
    nothing: None = None
    id: UUID | None = None
    count: int = 0
    yes: bool = False
    even: int = 0

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


def messages(value: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Body.model_validate(value)
    return [plain_message(error) for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"colour": "green"}, "Input should be 'red' or 'dark blue'"),
        ({"one": "green"}, "Input should be 'dark blue'"),
        ({"some": "green"}, "Input should be 'red', 'dark blue' or 'none'"),
        ({"size": 7}, "Input should be 1 or -2"),
        ({"secret": "short"}, "Input should have at least 12 characters"),
        ({"secret": "s" * 21}, "Input should have at most 20 characters"),
        ({"code": ""}, "Input should have at least 1 character"),
        ({"line": "l" * 11}, "String should have at most 10 characters"),
        ({"line": "two\nlines"}, "must be one line"),
        ({"checked": "four"}, "Input should have at most 3 characters"),
        ({"items": []}, "Input should have at least 1 item"),
        ({"items": [1, 2, 3]}, "Input should have at most 2 items"),
        ({"items": {}}, "Input should be a valid array"),
        ({"several": 1}, "Input should be a valid array"),
        ({"pair": 1}, "Input should be a valid array"),
        ({"inner": []}, "Input should be a valid object"),
        ({"table": []}, "Input should be a valid object"),
        ({"table": {"a": 1, "b": 2}}, "Input should have at most 1 member"),
        ({"nothing": 1}, "Input should be null"),
        ({"id": "no-id"}, "Input should be a valid UUID"),
        ({"even": 3}, "must be even"),
    ],
)
def test_messages_use_the_terms_of_json(value: dict[str, Any], message: str) -> None:
    assert messages(value) == [message]


@pytest.mark.parametrize("wrong", [None, True, -1.5, "text", [], [[]], {}, {"a": None}, "\ud800"])
@pytest.mark.parametrize("field", sorted(Body.model_fields))
def test_messages_do_not_use_the_terms_of_python(field: str, wrong: Any) -> None:
    try:
        Body.model_validate({field: wrong})
    except ValidationError as refused:
        for error in refused.errors():
            assert not PYTHON.search(plain_message(error)), plain_message(error)
