"""OpenTelemetry export. Imported only if `OTEL_EXPORTER_OTLP_ENDPOINT` is set."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode

from cathouse_kit.context import RequestContext, TraceContext
from cathouse_kit.span_export import QuietExporter
from cathouse_kit.sql_spans import SqlSpans, below

FLUSH_SECONDS = 1.0


def otlp_exporter(endpoint: str) -> SpanExporter:
    """Return the exporter that sends spans to `endpoint`, the setting `OTEL_EXPORTER_OTLP_ENDPOINT`.

    `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` in the environment has priority, and is used unchanged.
    """
    # The exporter reads only the environment, but the setting may come from a file. The exporter still reads headers
    # and time limits from OpenTelemetry's standard variables.
    if os.environ.get(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT):
        return OTLPSpanExporter()
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")


class Tracing:
    """The spans of one process: one for each request that it serves, and one for each call to another service.

    Attribute names are OpenTelemetry's semantic conventions for HTTP.
    """

    def __init__(self, service: str, version: str, exporter: SpanExporter) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: service, SERVICE_VERSION: version})
        )
        self._exporter = QuietExporter(exporter)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("cathouse_kit")
        self.sql = SqlSpans(self._tracer)

    def start_server_span(self, method: str, caller: TraceContext | None) -> "ServerSpan":
        """Start the span of a request. It is below the caller's span if the caller sent a valid `traceparent`."""
        parent = below(caller) if caller else None
        span = self._tracer.start_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        )
        return ServerSpan(span, caller.state if caller else None)

    @contextmanager
    def client_span(
        self, method: str, url: str, service: str, parent: TraceContext | None
    ) -> Iterator[TraceContext]:
        """Record the span of one call to another service, and yield the position to send with the call."""
        context = below(parent) if parent else None
        with self._tracer.start_as_current_span(
            method,
            context=context,
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "url.full": url, "peer.service": service},
        ) as span:
            yield _position(span, parent.state if parent else None)

    def shutdown(self) -> None:
        """Send the remaining spans. If the collector does not respond, give up after `FLUSH_SECONDS`."""
        # The exporter would repeat its attempts for 10 seconds. Its shutdown ends the pause between two of them.
        give_up = threading.Timer(FLUSH_SECONDS, self._exporter.shutdown)
        give_up.daemon = True
        give_up.start()
        self._provider.shutdown()
        give_up.cancel()


class ServerSpan:
    def __init__(self, span: Span, state: str | None) -> None:
        self._span = span
        self.context = _position(span, state)

    def end(self, route: str, status: int, request: RequestContext) -> None:
        method = getattr(self._span, "attributes", {}).get("http.request.method", "")
        self._span.update_name(f"{method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("request.id", request.request_id)
        self._span.set_attributes(request.attributes or {})
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _position(span: Span, state: str | None) -> TraceContext:
    context = span.get_span_context()
    return TraceContext(
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        flags=f"{context.trace_flags:02x}",
        state=state,
    )
