"""OpenTelemetry export. Imported only if `OTEL_EXPORTER_OTLP_ENDPOINT` is set."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.span import TraceState

from cathouse_kit.context import TraceContext


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
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("cathouse_kit")

    def start_server_span(self, method: str, caller: TraceContext | None) -> "ServerSpan":
        """Start the span of a request. It is below the caller's span if the caller sent a valid `traceparent`."""
        parent = trace.set_span_in_context(_remote(caller)) if caller else None
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
        context = trace.set_span_in_context(_remote(parent)) if parent else None
        with self._tracer.start_as_current_span(
            method,
            context=context,
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "url.full": url, "peer.service": service},
        ) as span:
            yield _position(span, parent.state if parent else None)

    def shutdown(self) -> None:
        """Send the remaining spans. Blocks at most for the exporter's time limit."""
        self._provider.shutdown()


class ServerSpan:
    def __init__(self, span: Span, state: str | None) -> None:
        self._span = span
        self.context = _position(span, state)

    def end(self, route: str, status: int) -> None:
        method = getattr(self._span, "attributes", {}).get("http.request.method", "")
        self._span.update_name(f"{method} {route}")
        self._span.set_attribute("http.route", route)
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


def _remote(position: TraceContext) -> NonRecordingSpan:
    return NonRecordingSpan(
        SpanContext(
            trace_id=int(position.trace_id, 16),
            span_id=int(position.span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(int(position.flags, 16)),
            trace_state=TraceState.from_header([position.state]) if position.state else None,
        )
    )
