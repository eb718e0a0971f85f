from collections.abc import AsyncIterator, Iterator

import pytest
from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.database import Database
from cathouse_kit.held_connection import HeldConnection
from cathouse_kit.reads import Read
from cathouse_kit.tracing import Tracing
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import SecretStr
from sqlalchemy import String, bindparam, select, text
from sqlalchemy.exc import DBAPIError

SECRET = "not for spans"
TRACE = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01")


class Spans:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = Tracing("sample", "1.2.3", self._exporter)

    def finished(self) -> list[ReadableSpan]:
        self.tracing.shutdown()
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
async def traced(database_url: str, spans: Spans) -> AsyncIterator[Database]:
    database = Database(
        SecretStr(database_url), pool_size=1, application_name="traced", sql_spans=spans.tracing.sql
    )
    yield database
    await database.close()


@pytest.fixture
def request_at_hand() -> Iterator[None]:
    token = current_request.set(RequestContext("request-12345", TRACE, attributes={}))
    yield
    current_request.reset(token)


@pytest.mark.usefixtures("request_at_hand")
async def test_each_way_to_run_a_statement_makes_a_span_below_the_request_without_values(
    traced: Database, spans: Spans
) -> None:
    async with traced.session() as session:
        await session.execute(
            text("select n, :value from generate_series(1, 3) n"), {"value": SECRET}
        )
    await traced.read(Read(select(bindparam("value", type_=String).label("read"))), value=SECRET)
    held = HeldConnection(traced)
    await held.write("insert into sample.things select $1 where false", SECRET)
    await held.close()
    found = spans.finished()
    texts = [str((span.attributes or {})["db.query.text"]) for span in found]
    assert ["generate_series" in texts[0], "read" in texts[1], "insert" in texts[2]] == [True] * 3
    assert [span.name for span in found] == ["SELECT", "SELECT", "INSERT"]
    assert [(span.attributes or {}).get("db.response.returned_rows") for span in found] == [
        3,
        1,
        None,
    ]
    for span in found:
        assert SECRET not in span.to_json()
        assert span.parent is not None
        assert f"{span.parent.span_id:016x}" == TRACE.span_id


@pytest.mark.usefixtures("request_at_hand")
async def test_a_statement_that_fails_has_a_failed_span_without_what_the_error_quotes(
    traced: Database, spans: Spans
) -> None:
    async with traced.sessions() as session:
        with pytest.raises(DBAPIError):
            await session.execute(text("select cast(:value as integer)"), {"value": SECRET})
    (span,) = spans.finished()
    assert span.status.status_code == StatusCode.ERROR
    assert SECRET not in span.to_json()


async def test_statements_outside_of_a_request_and_of_requests_without_a_span_have_none(
    traced: Database, spans: Spans
) -> None:
    async with traced.session() as session:
        await session.execute(text("select 1"))
    token = current_request.set(RequestContext("request-12345", TRACE))
    async with traced.session() as session:
        await session.execute(text("select 1"))
    current_request.reset(token)
    assert spans.finished() == []
