import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from cathouse_kit import logs
from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.database import Database
from cathouse_kit.logs import configure_logging, log_request
from cathouse_kit.testing import running
from loguru import logger
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .conftest import Logged, MakeApp
from .support import DATABASE_PASSWORD, TOKEN, sample_settings


def test_a_line_is_one_json_object_with_the_fields_of_the_contract(logged: Logged) -> None:
    logger.bind(cat="Tom").info("two\nlines")
    (line,) = logged()
    assert line.pop("timestamp")[-1] == "Z"
    assert line == {
        "level": "info",
        "service": "sample",
        "message": "two\nlines",
        "request_id": None,
        "trace_id": None,
        "logger": __name__,
        "cat": "Tom",
    }


def test_lines_of_a_request_carry_its_ids(logged: Logged) -> None:
    trace = TraceContext.start()
    token = current_request.set(RequestContext("request-12345", trace))
    logger.info("within")
    current_request.reset(token)
    logger.info("without")
    within, without = logged()
    assert (within["request_id"], within["trace_id"]) == ("request-12345", trace.trace_id)
    assert (without["request_id"], without["trace_id"]) == (None, None)


def test_lines_of_the_standard_library_have_the_same_format(logged: Logged) -> None:
    logging.getLogger("some.library").warning("%s of %d", "two", 3)
    (line,) = logged()
    assert (line["logger"], line["level"], line["message"]) == (
        "some.library",
        "warning",
        "two of 3",
    )


def test_a_level_that_only_a_library_knows_is_kept_apart(logged: Logged) -> None:
    logging.getLogger("some.library").log(35, "in between")
    assert [line["level"] for line in logged()] == ["level 35"]


@pytest.mark.parametrize("name", ["httpx", "uvicorn.access", "alembic.runtime.migration"])
def test_libraries_do_not_repeat_the_lines_of_the_kit(name: str, logged: Logged) -> None:
    logging.getLogger(name).info("a request")
    assert logged() == []


def test_exceptions_are_in_their_line_without_the_values_of_variables(logged: Logged) -> None:
    secret = "hunter" + str(1 + 1)
    try:
        raise ValueError("bad") from KeyError("worse")
    except ValueError:
        logger.exception("it failed")
        logging.getLogger("some.library").exception("it failed too")
    assert secret
    for line in logged():
        assert line["level"] == "error"
        assert line["exception"].startswith("KeyError: 'worse'\n")
        assert line["exception"].endswith("ValueError: bad\n")
        assert "hunter2" not in line["exception"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\ud800", "\ud800"),
        (2**70, 2**70),
        ({1: "one"}, {"1": "one"}),
        (ValueError("bad"), "bad"),
        ({"a"}, "{'a'}"),
    ],
)
def test_no_value_loses_its_line(value: Any, shown: Any, logged: Logged) -> None:
    logger.bind(value=value).info("kept")
    assert [line["value"] for line in logged()] == [shown]


def test_lines_below_the_level_are_not_written(logged: Logged) -> None:
    logger.debug("not now")
    assert logged() == []


def test_console_lines_are_for_people(logged: Logged, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(sample_settings(log_format="console"))
    logger.bind(method="GET", status=200).info("request <b>{}</b>")
    output = capsys.readouterr().out
    assert output.endswith("INFO     request <b>{}</b> method=GET status=200\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(output)


def test_an_invalid_line_raises_no_error_in_the_code_that_logs(
    logged: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    (handler,) = (h for h in logging.getLogger().handlers if type(h).__module__ == logs.__name__)
    handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--- Logging error ---" in captured.err


def log_a_request(status: int = 200) -> None:
    request = RequestContext("request-12345", TraceContext.start(), "192.0.2.7")
    token = current_request.set(request)
    log_request(request, method="GET", route="/things/{id}", status=status, seconds=0.0123456)
    current_request.reset(token)


def test_the_line_of_a_request_is_the_same_with_and_without_another_sink(logged: Logged) -> None:
    log_a_request()
    (alone,) = logged()
    others: list[str] = []
    sink = logger.add(others.append, format="{message} {extra[status]} {extra[request_id]}")
    log_a_request()
    logger.remove(sink)
    (beside,) = logged()
    assert others == ["request 200 request-12345\n"]
    assert list(alone) == list(beside)
    moments = ("timestamp", "trace_id")
    assert {k: v for k, v in alone.items() if k not in moments} == {
        k: v for k, v in beside.items() if k not in moments
    }
    assert len(alone["timestamp"]) == len(beside["timestamp"])


def test_loguru_is_skipped_if_there_is_no_other_sink(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "bind", None)
    log_a_request()
    assert len(logged()) == 1


def test_the_level_holds_for_the_line_of_a_request(logged: Logged) -> None:
    configure_logging(sample_settings(log_format="json", log_level="WARNING"))
    log_a_request(status=200)
    log_a_request(status=500)
    assert [(line["level"], line["status"]) for line in logged()] == [("warning", 500)]


def test_the_line_of_a_request_can_be_disabled_as_every_other(logged: Logged) -> None:
    logger.disable("cathouse_kit")
    try:
        log_a_request()
    finally:
        logger.enable("cathouse_kit")
    assert logged() == []


def test_the_line_of_a_request_follows_another_configuration_of_loguru(logged: Logged) -> None:
    logger.configure(patcher=lambda record: record["extra"].update(patched=True))
    log_a_request()
    assert [line["patched"] for line in logged()] == [True]


def test_the_line_of_a_request_is_readable_on_the_console(
    logged: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(sample_settings(log_format="console"))
    log_a_request()
    assert "INFO     request method=GET route=/things/{id} status=200" in capsys.readouterr().out


def test_a_request_succeeds_if_its_line_cannot_be_written(
    logged: Logged, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def write(self, _line: bytes) -> None:
            raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", SimpleNamespace(buffer=Full()))
        log_a_request()
    assert "No space left on device" in capsys.readouterr().err


async def test_a_response_that_does_not_match_its_model_is_not_quoted(
    make_app: MakeApp, logged: Logged
) -> None:
    async with running(make_app()) as client:
        response = await client.get("/api/v1/sample/misfit")
    assert response.status_code == 500
    lines = logged()
    assert "hunter2" not in json.dumps(lines)
    assert lines[0]["message"] == "the response does not match the route's response model"
    assert lines[0]["errors"] == [
        {
            "loc": ["response", "value"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
        }
    ]


@pytest.mark.parametrize(
    ("statement", "values", "expected"),
    [
        (  # PostgreSQL quotes the whole row
            "insert into sample.things (name) values (cast(:name as text) || null)",
            {"name": "hunter2"},
            "violates not-null constraint",
        ),
        (  # PostgreSQL quotes the key
            "insert into sample.things (name) values (:name), (:name)",
            {"name": "hunter2"},
            "duplicate key value violates unique constraint",
        ),
        (  # asyncpg quotes the argument
            "select 1 where 1 = :name",
            {"name": "hunter2"},
            "invalid input for query argument $1",
        ),
    ],
)
async def test_a_failing_statement_does_not_log_its_values(
    statement: str,
    values: dict[str, str],
    expected: str,
    database: Database,
    logged: Logged,
) -> None:
    async with database.session() as session:
        with pytest.raises(DBAPIError) as failed:
            await session.execute(text(statement), values)
        logger.opt(exception=failed.value).error("unexpected failure")
        await session.rollback()
    (line,) = logged()
    assert expected in line["exception"]
    assert "hunter2" not in json.dumps(line)


async def test_no_log_of_a_request_holds_a_secret(make_app: MakeApp, logged: Logged) -> None:
    async with running(make_app(log_level="TRACE")) as client:
        for path in ("/api/v1/sample/database", "/health/ready", "/api/v1/sample/unexpected"):
            await client.get(
                f"{path}?token=hunter3",
                headers={"Authorization": f"Bearer {TOKEN}", "Cookie": "session=hunter4"},
            )
    lines = json.dumps(logged())
    assert "ConnectionRefusedError" in lines
    for secret in (TOKEN, DATABASE_PASSWORD, "hunter3", "hunter4"):
        assert secret not in lines
