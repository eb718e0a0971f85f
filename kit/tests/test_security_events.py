"""Security events: one line each, with the same fields, and no line after a rollback."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.database import Database, Session
from cathouse_kit.security import anyone
from cathouse_kit.security_events import log_event, log_on_commit
from cathouse_kit.testing import recorded_events, running
from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from .conftest import Logged, MakeApp

SUBJECT = UUID(int=7)


def queue(session: AsyncSession, subject: UUID = SUBJECT) -> None:
    log_on_commit(session, "note_approved", actor_id=None, subject_id=subject)


def test_every_event_has_the_same_fields(logged: Logged) -> None:
    request = RequestContext("request-12345", TraceContext.start(), "192.0.2.1")
    actor = uuid4()
    token = current_request.set(request)
    log_event("role_changed", actor_id=actor, subject_id=SUBJECT, after="editor")
    current_request.reset(token)
    log_event("sign_in_failed", actor_id=None, subject_id=None)
    within, without = logged()
    assert within.keys() == without.keys()
    assert {key: within[key] for key in within if key != "timestamp"} == {
        "level": "info",
        "service": "sample",
        "message": "security event: role_changed",
        "request_id": "request-12345",
        "trace_id": request.trace.trace_id,
        "logger": "cathouse_kit.security_events",
        "event": "role_changed",
        "actor_id": str(actor),
        "subject_id": str(SUBJECT),
        "client": "192.0.2.1",
        "details": {"after": "editor"},
    }
    empty = [key for key, value in without.items() if value is None]
    assert sorted(empty) == ["actor_id", "client", "request_id", "subject_id", "trace_id"]
    assert without["details"] == {}


async def test_an_event_of_a_request_names_its_id_and_the_callers_address(
    make_app: MakeApp, database_url: str, logged: Logged
) -> None:
    router = APIRouter(prefix="/api/v1/things", dependencies=[Depends(anyone)])

    @router.post("", status_code=204, response_model=None)
    async def do_it(session: Session) -> None:
        await session.execute(text("select 1"))
        queue(session)

    async with running(make_app(router, database_url=database_url)) as client:
        await client.post("/api/v1/things", headers={"X-Request-ID": "request-12345"})
    lines = [line for line in logged() if line.get("request_id") == "request-12345"]
    # The event is first: it is logged before the response, and the line of the request is last.
    assert [line.get("event") for line in lines] == ["note_approved", None]
    assert [line["client"] for line in lines] == ["127.0.0.1", "127.0.0.1"]


async def test_an_event_is_logged_after_the_commit_and_once(database: Database) -> None:
    first, second = uuid4(), uuid4()
    with recorded_events() as events:
        async with database.session() as session:
            await session.execute(text("select 1"))
            queue(session, first)
            assert events == []
            await session.commit()
            assert [event["subject_id"] for event in events] == [str(first)]
            queue(session, second)
            await session.execute(text("select 1"))
    assert [event["subject_id"] for event in events] == [str(first), str(second)]


async def roll_back(session: AsyncSession) -> None:
    await session.rollback()


async def raise_an_error(session: AsyncSession) -> None:
    raise LookupError


async def send_a_wrong_statement(session: AsyncSession) -> None:
    await session.execute(text("select 1 / 0"))


async def lose_the_connection(session: AsyncSession) -> None:
    await session.execute(text("select pg_terminate_backend(pg_backend_pid())"))


async def fail_to_commit(session: AsyncSession) -> None:
    await session.execute(text("create temporary table t (n int unique deferrable)"))
    await session.execute(text("set constraints all deferred"))
    await session.execute(text("insert into t values (1), (1)"))


async def close(session: AsyncSession) -> None:
    await session.close()


@pytest.mark.parametrize(
    "end",
    [
        roll_back,
        raise_an_error,
        send_a_wrong_statement,
        lose_the_connection,
        fail_to_commit,
        close,
    ],
)
async def test_what_is_not_committed_is_not_logged(
    database: Database, end: Callable[[AsyncSession], Awaitable[None]]
) -> None:
    with recorded_events() as events:
        session = database.sessions()
        try:
            await session.execute(text("select 1"))
            queue(session)
            await end(session)
            await session.commit()
        except (LookupError, DBAPIError):
            await session.rollback()
        # Nor later, by what the same session commits.
        await session.execute(text("select 1"))
        await session.commit()
        await session.close()
    assert events == []


async def test_a_savepoint_decides_nothing(database: Database) -> None:
    with recorded_events() as events:
        async with database.sessions() as session:
            async with session.begin_nested():
                queue(session)
            assert events == []
            await session.rollback()
        assert events == []
        async with database.session() as session:
            async with session.begin_nested():
                queue(session)
            assert events == []
    assert len(events) == 1
