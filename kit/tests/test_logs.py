import json
import logging
from typing import Any

import pytest
from cathouse_kit import logs
from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.database import Database
from cathouse_kit.logs import configure_logging
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


def test_the_standard_librarys_logging_goes_the_same_way(logged: Logged) -> None:
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
def test_libraries_do_not_tell_what_the_kit_tells(name: str, logged: Logged) -> None:
    logging.getLogger(name).info("a request")
    assert logged() == []


def test_exceptions_stand_in_their_line_without_the_values_of_variables(logged: Logged) -> None:
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


def test_a_line_that_cannot_be_made_does_not_reach_who_logs(
    logged: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    (handler,) = (h for h in logging.getLogger().handlers if type(h).__module__ == logs.__name__)
    handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--- Logging error ---" in captured.err


async def test_an_answer_that_does_not_fit_its_model_is_not_quoted(
    make_app: MakeApp, logged: Logged
) -> None:
    async with running(make_app()) as client:
        response = await client.get("/api/v1/sample/misfit")
    assert response.status_code == 500
    lines = logged()
    assert "hunter2" not in json.dumps(lines)
    assert lines[0]["message"] == "the answer does not fit the route's response model"
    assert lines[0]["errors"] == [
        {
            "loc": ["response", "value"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
        }
    ]


@pytest.mark.parametrize(
    ("statement", "values", "expected"),
    [
        (  # PostgreSQL tells the whole row
            "insert into sample.things (name) values (cast(:name as text) || null)",
            {"name": "hunter2"},
            "violates not-null constraint",
        ),
        (  # PostgreSQL tells the key
            "insert into sample.things (name) values (:name), (:name)",
            {"name": "hunter2"},
            "duplicate key value violates unique constraint",
        ),
        (  # asyncpg tells the argument
            "select 1 where 1 = :name",
            {"name": "hunter2"},
            "invalid input for query argument $1",
        ),
    ],
)
async def test_a_failing_statement_does_not_tell_its_values(
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
