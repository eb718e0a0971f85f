from datetime import UTC, datetime, timedelta, timezone

import pytest
from cathouse_kit.problems import MAX_ERRORS
from cathouse_kit.schemas import Line, Page, Paragraphs, RequestBody, ResponseBody, Timestamp
from pydantic import TypeAdapter, ValidationError


class Note(RequestBody):
    line: Line = "a line"
    text: Paragraphs = ""


class Sent(ResponseBody):
    at: Timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "2026-01-02T03:04:05.000678Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-02T01:04:05Z",
        ),
    ],
)
def test_times_are_sent_in_utc_with_z(moment: datetime, text: str) -> None:
    assert Sent(at=moment).model_dump_json() == f'{{"at":"{text}"}}'


def test_no_function_in_python_serializes_a_timestamp() -> None:
    assert "serialization" not in TypeAdapter(Timestamp).core_schema


def test_an_unknown_field_is_refused_without_its_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Note.model_validate({"password": "hunter2"})
    assert "extra_forbidden" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "kept"), [("  Tom  ", "Tom"), ("Kätzchen 🐈", "Kätzchen 🐈"), ("\n Tom\t", "Tom")]
)
def test_a_line_is_trimmed(given: str, kept: str) -> None:
    assert Note(line=given).line == kept


@pytest.mark.parametrize(
    "given", ["", "   ", "two\nlines", "a\ttab", "a\0nul", "a\abell", "a\x85next"]
)
def test_text_that_is_not_a_line_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        Note(line=given)


@pytest.mark.parametrize("given", ["", "one\n\ntwo\twith a tab"])
def test_paragraphs_may_have_lines_and_tabs(given: str) -> None:
    assert Note(text=given).text == given


@pytest.mark.parametrize("given", ["a\0b", "a\x1b[31mb", "a\rb"])
def test_paragraphs_have_no_other_controls(given: str) -> None:
    with pytest.raises(ValidationError, match="must not contain control characters"):
        Note(text=given)


def test_a_page_always_says_whether_there_is_a_next_one() -> None:
    assert Page[int](items=[1], next_cursor=None).model_dump() == {
        "items": [1],
        "next_cursor": None,
    }
    with pytest.raises(ValidationError):
        Page[int].model_validate({"items": []})


@pytest.mark.parametrize("unknown", [1, MAX_ERRORS, MAX_ERRORS + 1, 100_000])
def test_of_many_unknown_fields_only_the_reported_ones_are_described(unknown: int) -> None:
    body = {f"unknown{n}": n for n in range(unknown)} | {"line": "two\nlines"}
    with pytest.raises(ValidationError) as refused:
        Note.model_validate(body)
    assert refused.value.error_count() == 1 + min(unknown, MAX_ERRORS + 1)
    assert refused.value.errors()[0]["loc"] == ("line",)


def test_known_fields_are_read_among_many_unknown_ones() -> None:
    body = {f"unknown{n}": n for n in range(1000)} | {"line": " a line "}
    with pytest.raises(ValidationError) as refused:
        Note.model_validate(body)
    assert {error["type"] for error in refused.value.errors()} == {"extra_forbidden"}
