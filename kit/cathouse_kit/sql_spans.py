"""Spans of SQL statements, below the span of the request at hand. Imported only where traces are exported.

OpenTelemetry's instrumentations of SQLAlchemy and asyncpg do not fit. They follow OpenTelemetry's own current span,
which the kit does not set. They are betas, and each release fits one release of the SDK alone. The kit works with a
range of releases.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
)
from opentelemetry.trace.span import TraceState
from sqlalchemy import Engine, event

from cathouse_kit.context import TraceContext, current_request

MAX_TEXT = 4_096
_SPAN = "_statement_span"


def below(position: TraceContext) -> Context:
    """Return the context in which a span becomes a child of this position."""
    return trace.set_span_in_context(
        NonRecordingSpan(
            SpanContext(
                trace_id=int(position.trace_id, 16),
                span_id=int(position.span_id, 16),
                is_remote=True,
                trace_flags=TraceFlags(int(position.flags, 16)),
                trace_state=TraceState.from_header([position.state]) if position.state else None,
            )
        )
    )


class SqlSpans:
    """Makes the spans. They have the text of a statement with its placeholders, and never a value."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def listen(self, engine: Engine) -> None:
        """Make a span of each statement that SQLAlchemy runs."""
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", _end)
        event.listen(engine, "handle_error", _fail)

    async def around(self, text: str, run: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `run` returns, which runs a statement past SQLAlchemy."""
        span = self._start(text)
        if span is None:
            return await run()
        try:
            result = await run()
        except BaseException as error:
            _finish(span, error=error)
            raise
        _finish(span, rows=len(result) if isinstance(result, list) else None)
        return result

    def _start(self, text: str) -> Span | None:
        request = current_request.get()
        if request is None or request.attributes is None:
            return None
        verb = text.split(None, 1)[0].upper() if text else ""
        return self._tracer.start_span(
            verb,
            context=below(request.trace),
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.text": text[:MAX_TEXT]},
        )

    def _begin(
        self,
        _connection: Any,
        _cursor: Any,
        statement: str,
        _parameters: Any,
        context: Any,
        _many: Any,
    ) -> None:
        if span := self._start(statement):
            setattr(context, _SPAN, span)


def _end(
    _connection: Any, cursor: Any, _statement: str, _parameters: Any, context: Any, _many: Any
) -> None:
    if span := getattr(context, _SPAN, None):
        _finish(span, rows=cursor.rowcount)


def _fail(context: Any) -> None:
    if span := getattr(context.execution_context, _SPAN, None):
        _finish(span, error=context.original_exception)


def _finish(span: Span, *, rows: int | None = None, error: BaseException | None = None) -> None:
    if rows is not None and rows >= 0:
        span.set_attribute("db.response.returned_rows", rows)
    if error is not None:
        # By its kind alone: its text may quote values.
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
    span.end()
