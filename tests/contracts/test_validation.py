"""Every service reports the errors of a bad body, and the cost of that is limited."""

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cathouse_kit.registry import Service
from cathouse_kit.schemas import RequestBody
from cathouse_kit.validation_messages import plain_message
from pydantic import ValidationError

PYTHON = re.compile(
    r"<|\bdict|\blist\b|\btuple\b|\bset\b|None\b|Enum|SecretStr|instance of|validation, not"
    r"|Value error|Assertion|Traceback|\bobject to extract"
)
WRONG: list[Any] = [
    None, True, 7, -1.5, "", "no", "x" * 20_000, "two\nlines", "\0", "\ud800",
    [], [[]], [None], ["", ""], [{}], {}, {"a": None},
]  # fmt: skip
ITEMS: list[Any] = [[1], [{}], [[]], [{"a": 1}], [""], 1, {}, None]
# Large enough to show that there is a bound.
MANY: list[Any] = [
    item * 20_000 if isinstance(item, list) else dict.fromkeys(map(str, range(20_000)), item)
    for item in ITEMS
]
MOST_ERRORS = 200
"""The most errors that validation may find, which takes some milliseconds. 20 of them are reported."""


def bodies(service: Service) -> list[type[RequestBody]]:
    """Return every request body of a service."""
    importlib.import_module(f"{service.package}.main")

    def below(kind: type[RequestBody]) -> Iterator[type[RequestBody]]:
        for inner in kind.__subclasses__():
            yield inner
            yield from below(inner)

    return [kind for kind in below(RequestBody) if kind.__module__.startswith(service.package)]


def errors(kind: type[RequestBody], value: Any) -> tuple[int, list[str]]:
    try:
        kind.model_validate(value)
    except ValidationError as refused:
        found = refused.errors()
        return len(found), [plain_message(error) for error in found[:20]]
    return 0, []


def test_no_message_speaks_of_python(service: Service) -> None:
    said = set()
    for kind in bodies(service):
        for value in (*WRONG, *({field: wrong} for field in kind.model_fields for wrong in WRONG)):
            said |= set(errors(kind, value)[1])
    assert [message for message in said if PYTHON.search(message)] == []
    assert said or not bodies(service)


@pytest.mark.parametrize("many", MANY, ids=[str(many)[:20] for many in MANY])
def test_validation_finds_few_errors_however_many_there_are(service: Service, many: Any) -> None:
    for kind in bodies(service):
        assert errors(kind, many)[0] <= MOST_ERRORS, kind
        for field in kind.model_fields:
            assert errors(kind, {field: many})[0] <= MOST_ERRORS, (kind, field)


def test_lists_in_lists_multiply_no_errors(service: Service) -> None:
    for kind in bodies(service):
        fields = list(kind.model_fields)
        wrong: Any = [1] * 50
        for _ in range(3):
            assert errors(kind, dict.fromkeys(fields, wrong))[0] <= MOST_ERRORS, kind
            everything = {name: wrong for other in bodies(service) for name in other.model_fields}
            wrong = [everything] * 5
