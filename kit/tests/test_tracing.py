import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from cathouse_kit import tracing as tracing_module
from cathouse_kit.context import describe_request
from cathouse_kit.lifecycle import Lifecycle
from cathouse_kit.metrics import Metrics
from cathouse_kit.middleware import RequestMiddleware, RouteMiddleware
from cathouse_kit.service_client import PeerUnavailable, ServiceClient
from cathouse_kit.span_export import QuietExporter
from cathouse_kit.testing import running
from cathouse_kit.tracing import Tracing
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from pydantic import SecretStr

from .conftest import Logged, MakeApp
from .sample_platform import PLATFORM
from .support import DEADLINE_SECONDS, TOKEN

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}


def position_of(span: ReadableSpan) -> SpanContext:
    position: SpanContext | None = span.context
    assert position is not None
    return position


class Traced:
    """A service with a route that calls another service, and the exported spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing("sample", "1.2.3", self.exporter)
        self.sent: list[httpx.Request] = []
        self.status = 200
        self.catalog = ServiceClient(
            "catalog",
            "http://catalog.test",
            [SecretStr(TOKEN)],
            transport=httpx.MockTransport(self._respond),
            tracing=self.tracing,
        )
        app = FastAPI()
        metrics = Metrics("sample", "1.2.3")
        app.state.context = SimpleNamespace(platform=PLATFORM, metrics=metrics)
        app.get("/cats/{slug}")(self._read)
        app.get("/probe")(self._probe)
        app.add_middleware(RouteMiddleware, routes=[], max_bytes=1024, exempt=None)
        app.add_middleware(
            RequestMiddleware,
            metrics=metrics,
            lifecycle=Lifecycle(),
            tracing=self.tracing,
            probes=frozenset({"/probe"}),
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://sample.test"
        )

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(self.status, json={})

    async def _read(self, slug: str) -> None:
        await self.catalog.request("POST", "/api/v1/catalog/internal/cats")
        describe_request("enduser.id", slug)

    async def _probe(self) -> None:
        describe_request("enduser.id", "nobody")

    def spans(self) -> dict[SpanKind, ReadableSpan]:
        """Export all spans, and return them by kind."""
        self.tracing.shutdown()
        return {span.kind: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
async def traced() -> AsyncIterator[Traced]:
    traced = Traced()
    yield traced
    await traced.client.aclose()
    await traced.catalog.close()
    traced.tracing.shutdown()


async def test_the_span_of_a_request_continues_the_callers_trace(traced: Traced) -> None:
    response = await traced.client.get("/cats/tom", headers=HEADERS)
    request_id = response.headers["x-request-id"]
    span = traced.spans()[SpanKind.SERVER]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER
    assert f"{position_of(span).trace_id:032x}" == TRACE
    assert span.name == "GET /cats/{slug}"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/cats/{slug}",
        "http.response.status_code": 200,
        "request.id": request_id,
        "enduser.id": "tom",
    }
    assert span.resource.attributes["service.name"] == "sample"
    assert span.resource.attributes["service.version"] == "1.2.3"


async def test_the_span_of_a_call_is_below_the_requests_and_its_position_is_sent(
    traced: Traced,
) -> None:
    await traced.client.get("/cats/tom", headers=HEADERS)
    spans = traced.spans()
    server, client = spans[SpanKind.SERVER], spans[SpanKind.CLIENT]
    assert client.parent is not None
    assert client.parent.span_id == position_of(server).span_id
    span_id = f"{position_of(client).span_id:016x}"
    (sent,) = traced.sent
    assert sent.headers["traceparent"] == f"00-{TRACE}-{span_id}-01"
    assert sent.headers["tracestate"] == "vendor=1"
    assert (client.attributes or {})["peer.service"] == "catalog"


async def test_a_request_without_a_trace_starts_one(traced: Traced) -> None:
    await traced.client.get("/cats/tom")
    spans = traced.spans()
    assert spans[SpanKind.SERVER].parent is None
    trace_ids = {position_of(span).trace_id for span in spans.values()}
    assert len(trace_ids) == 1


async def test_a_trace_that_is_not_sampled_is_continued(traced: Traced) -> None:
    await traced.client.get("/cats/tom", headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
    assert traced.spans() == {}
    assert traced.sent[0].headers["traceparent"].startswith(f"00-{TRACE}-")


async def test_a_failed_call_and_its_request_are_marked(traced: Traced) -> None:
    traced.status = 500
    await traced.client.get("/cats/tom", headers=HEADERS)
    spans = traced.spans()
    assert (spans[SpanKind.SERVER].attributes or {})["http.response.status_code"] == 500
    assert spans[SpanKind.SERVER].status.status_code == StatusCode.ERROR
    assert spans[SpanKind.CLIENT].status.status_code == StatusCode.ERROR


async def test_a_call_outside_of_a_request_has_a_span_too(traced: Traced) -> None:
    traced.status = 503
    with pytest.raises(PeerUnavailable):
        await traced.catalog.request("POST", "/")
    assert traced.spans()[SpanKind.CLIENT].parent is None


async def test_a_probe_has_no_span(traced: Traced) -> None:
    response = await traced.client.get("/probe", headers=HEADERS)
    assert response.status_code == 200
    assert traced.spans() == {}


async def test_the_standard_variables_decide_what_is_sampled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traced = Traced()
    await traced.client.get("/cats/tom")
    assert traced.spans() == {}
    # The services that are called do not sample it either.
    assert int(traced.sent[0].headers["traceparent"][-2:], 16) & 1 == 0


class Collectors(SpanExporter):
    """An exporter whose collector comes and goes. While it is away, an attempt lasts until the shutdown."""

    def __init__(self) -> None:
        self.away = False
        self.closed = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if not self.away:
            return SpanExportResult.SUCCESS
        self.closed.wait(DEADLINE_SECONDS)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.closed.set()


def test_a_collector_that_is_away_is_logged_once_and_once_when_it_is_back(logged: Logged) -> None:
    exporter = Collectors()
    exporter.away = True
    exporter.closed.set()
    quiet = QuietExporter(exporter)
    quiet.export([])
    quiet.export([])
    exporter.away = False
    quiet.export([])
    quiet.export([])
    assert [line["message"] for line in logged()] == [
        "traces: the collector does not respond, spans are dropped",
        "traces: the collector responds again",
    ]


async def test_a_collector_that_is_away_does_not_hold_up_the_end_of_a_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing_module, "FLUSH_SECONDS", 0.01)
    exporter = Collectors()
    exporter.away = True
    tracing = Tracing("sample", "1.2.3", exporter)
    with tracing.client_span("GET", "/", "catalog", None):
        pass
    began = time.monotonic()
    tracing.shutdown()
    assert time.monotonic() - began < DEADLINE_SECONDS / 2


CREATE = """
import sys
from cathouse_kit.service import create_service
from cathouse_kit.settings import Port, ServiceSettings, ServiceUrl
from cathouse_sample.platform import PLATFORM

class Settings(ServiceSettings):
    service_name: str = "sample"
    port: Port = 1
    people_url: ServiceUrl = "http://127.0.0.1:1"

create_service(
    Settings(_env_file=None), platform=PLATFORM, package="cathouse_sample", routers=()
)
names = ("alembic", "cathouse_kit.tracing", "opentelemetry.sdk", "opentelemetry.exporter", "redis")
print(*(name for name in names if name in sys.modules))
"""


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=["without an endpoint", "with the export turned off"],
)
def test_nothing_is_imported_for_traces_that_are_not_exported(
    sample_root: Path, environment: dict[str, str]
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", CREATE],
        env={
            "PYTHONPATH": str(sample_root),
            "DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "SERVICE_TOKEN": TOKEN,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "\n", "")


class Collector:
    """A collector of spans. It records the first line of its first request."""

    def __init__(self) -> None:
        self.url = ""
        self._received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def first_line(self) -> bytes:
        return await asyncio.wait_for(self._received, 5)

    async def collect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if not self._received.done():
            self._received.set_result(line)


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    collector = Collector()
    async with await asyncio.start_server(collector.collect, "127.0.0.1", 0) as server:
        collector.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield collector


@pytest.mark.parametrize(
    ("below", "path"), [("", "/v1/traces"), ("/", "/v1/traces"), ("/otlp", "/otlp/v1/traces")]
)
async def test_spans_go_to_the_endpoint_of_the_settings_from_any_source(
    below: str, path: str, make_app: MakeApp, collector: Collector
) -> None:
    # The endpoint is only in the settings, as with .env or a file of secrets.
    async with running(make_app(otel_exporter_otlp_endpoint=collector.url + below)) as client:
        await client.get("/api/v1/sample/things/7")
    assert await collector.first_line() == f"POST {path} HTTP/1.1\r\n".encode()


async def test_an_endpoint_for_traces_has_priority_and_is_used_unchanged(
    make_app: MakeApp, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/traces-only")
    async with running(make_app(otel_exporter_otlp_endpoint="http://127.0.0.1:1")) as client:
        await client.get("/api/v1/sample/things/7")
    assert await collector.first_line() == b"POST /traces-only HTTP/1.1\r\n"
