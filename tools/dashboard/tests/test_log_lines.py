import json
from datetime import datetime

from cathouse_dashboard.collect.log_lines import Parser
from cathouse_dashboard.records import LEVELS, LogLine

NOON = int(datetime(2026, 11, 26, 12, 0).astimezone().timestamp()) * 10**9


def entry(text: str) -> bytes:
    """Return a line as the runner keeps it."""
    return json.dumps({"level": "info", "process": "auth", "replica": 0, "message": text}).encode()


def parse(*texts: str) -> list[LogLine]:
    return Parser("auth").parse(map(entry, texts), NOON)


def test_a_console_line_has_its_time_level_message_and_fields() -> None:
    (found,) = parse(
        "11:59:15.100 WARNING  request method=GET route=/cats/{id} status=503 duration_ms=1.25 request_id=abcdefgh"
    )
    assert found.time == NOON - 44_900 * 10**6
    assert (LEVELS[found.level], found.message, found.request_id) == (
        "warning",
        "request",
        "abcdefgh",
    )
    assert found.fields == {
        "method": "GET",
        "route": "/cats/{id}",
        "status": 503,
        "duration_ms": 1.25,
    }


def test_a_value_with_spaces_is_in_quotes_and_a_message_may_have_equals_signs() -> None:
    (found,) = parse('11:59:15.100 INFO     sets a=b here, then reason="no such cat" n=1')
    assert found.message == "sets a=b here, then"
    assert found.fields == {"reason": "no such cat", "n": 1}


def test_a_line_of_yesterday_is_not_in_the_future() -> None:
    (found,) = parse("23:59:59.000 INFO     late")
    assert found.time < NOON


def test_json_lines_keep_their_fields_and_their_exception() -> None:
    (found,) = parse(
        json.dumps(
            {
                "timestamp": "2026-11-26T08:03:15.200Z",
                "level": "error",
                "service": "auth",
                "message": "failed",
                "request_id": "abcdefgh",
                "trace_id": "f" * 32,
                "logger": "here",
                "exception": "Traceback\nValueError",
            }
        )
    )
    assert (found.message, found.request_id, found.trace_id) == (
        "failed\nTraceback\nValueError",
        "abcdefgh",
        "f" * 32,
    )
    assert found.fields == {"logger": "here"}
    assert found.time == 1_795_680_195_200 * 10**6


def test_a_traceback_joins_its_line() -> None:
    found = parse(
        "11:59:15.100 ERROR    failed request_id=abcdefgh",
        "Traceback (most recent call last):",
        "ValueError: no",
        "11:59:16.000 INFO     after",
    )
    assert [line.message for line in found] == [
        "failed\nTraceback (most recent call last):\nValueError: no",
        "after",
    ]


def test_lines_of_postgresql_and_of_programs_without_a_form_are_kept() -> None:
    (line,) = parse("2026-11-26 08:03:15.250 UTC [9] FATAL:  the system is shutting down")
    assert (LEVELS[line.level], line.message) == ("critical", "the system is shutting down")
    assert line.time == 1_795_680_195_250 * 10**6
    found = parse("INFO:     Started", "  indented", "\x1b[31mred\x1b[0m", "{not json")
    assert [each.message for each in found] == ["INFO:     Started\n  indented", "red", "{not json"]
    assert all(each.time == NOON for each in found)


def test_what_the_runner_could_not_write_whole_is_still_a_line() -> None:
    torn = b'{"level":"info","mess'
    (found,) = Parser("auth").parse(iter([torn]), NOON)
    assert found.message == torn.decode()
    (found,) = Parser("auth").parse(iter([b"\xff\xfe"]), NOON)
    assert found.message == "��"
    (found,) = Parser("auth").parse(iter([entry("\ud800")]), NOON)
    found.message.encode()
