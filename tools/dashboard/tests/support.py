"""Spans as exporters send them, and a dashboard without a stack."""

import time
from pathlib import Path
from typing import Any

import httpx
from cathouse_dashboard.records import LogLine, Span
from cathouse_dashboard.settings import Endpoint, Settings
from cathouse_dashboard.store.queries import Queries
from cathouse_dashboard.store.writer import Writer
from cathouse_kit.registry import Service
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TOKEN = "a-token-of-the-dashboard"
PORT = 8001
HOST = f"127.0.0.1:{PORT}"
COOKIE = {"Cookie": f"cathouse_dashboard_{PORT}={TOKEN}"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
REQUEST = "27694384146cdfa62acbee85ead135c8"
NOW = time.time_ns()
MS = 1_000_000


def service(name: str, port: int, calls: tuple[str, ...] = (), *, outside: bool = False) -> Service:
    return Service(
        name, f"The {name}", f"cathouse_{name}", port, f"/api/v1/{name}", name, (), calls, outside
    )


SERVICES = (service("auth", 8005), service("proxy", 8004, ("auth",), outside=True))


def settings(state: Path) -> Settings:
    endpoints = tuple(Endpoint(each, each.port) for each in SERVICES)
    return Settings(state=state, port=PORT, token=TOKEN, endpoints=endpoints)


def span(**changes: Any) -> Span:
    """Return a span of a request that took 10 ms, with these changes."""
    values: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": "b7ad6b7169203331",
        "parent_id": "",
        "service": "proxy",
        "name": "GET /things/{id}",
        "kind": 2,
        "start": NOW,
        "duration": 10 * MS,
        "failed": False,
        "attributes": {"http.route": "/things/{id}", "http.response.status_code": 200},
    }
    return Span(**(values | changes))


def line(message: str = "request", **changes: Any) -> LogLine:
    values: dict[str, Any] = {"time": NOW, "process": "proxy", "level": 2, "message": message}
    return LogLine(**(values | changes))


def export_request(
    *names: str, service_name: str = "auth", trace_id: str = TRACE, **attributes: Any
) -> ExportTraceServiceRequest:
    """Return an export request with a span of each name, one below the other."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service_name
    scope = resource_spans.scope_spans.add()
    for number, name in enumerate(names, 1):
        made = scope.spans.add()
        made.trace_id = bytes.fromhex(trace_id)
        made.span_id = number.to_bytes(8, "big")
        made.parent_span_id = (number - 1).to_bytes(8, "big") if number > 1 else b""
        made.name = name
        made.kind = 2
        made.start_time_unix_nano = NOW + number * MS
        made.end_time_unix_nano = NOW + 20 * MS
        for key, value in attributes.items():
            made.attributes.add(key=key).value.string_value = value
    return request


def stored(folder: Path, *spans: Span, lines: tuple[LogLine, ...] = (), **options: Any) -> Queries:
    """Return a run's file with these records."""
    path = folder / "run-20261126T080000.sqlite3"
    writer = Writer(path, **options)
    writer.start()
    writer.add_spans(spans, 1)
    writer.add_logs(lines, (), 1)
    writer.stop()
    assert writer.problem is None
    return Queries(path)


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=COOKIE)
