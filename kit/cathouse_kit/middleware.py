"""What happens to every request, as plain ASGI: its identity, its one log line, its metrics, its limits."""

import time
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import ResponseValidationError
from loguru import logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse_kit.context import RequestContext, TraceContext, accept_request_id, current_request
from cathouse_kit.lifecycle import Lifecycle
from cathouse_kit.metrics import Metrics
from cathouse_kit.problems import BodyTooLarge, InternalError, problem_response

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing

UNMATCHED = "(unmatched)"


class RequestMiddleware:
    """The outermost layer: gives a request its id and its place in a trace, and writes down how it ended."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        lifecycle: Lifecycle,
        tracing: "Tracing | None",
        probes: frozenset[str],
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.lifecycle = lifecycle
        self.tracing = tracing
        self.probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = time.perf_counter()
        headers = Headers(scope=scope)
        caller = TraceContext.parse(headers.get("traceparent"), headers.get("tracestate"))
        span = self.tracing.start_server_span(scope["method"], caller) if self.tracing else None
        trace = span.context if span else caller.child() if caller else TraceContext.start()
        request = RequestContext(accept_request_id(headers.get("x-request-id")), trace)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request.request_id
                if self.lifecycle.draining:
                    # The next request goes to another replica, on a connection that nobody closes under it.
                    headers["Connection"] = "close"
            await send(message)

        probe = scope["path"] in self.probes
        if not probe:
            self.lifecycle.in_flight.add(request)
        self.metrics.in_flight.inc()
        token = current_request.set(request)
        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            # Nobody is left to be answered; the log says that it was the client who left.
            status = status or 499
        except BaseException:
            # The server waits no longer, and answers in its own words; or the answer broke off in the middle.
            status = status or 500
            raise
        finally:
            seconds = time.perf_counter() - started
            route = _route_template(scope)
            self.lifecycle.in_flight.discard(request)
            self.metrics.in_flight.dec()
            self.metrics.requests.labels(scope["method"], route, str(status)).inc()
            self.metrics.duration.labels(scope["method"], route).observe(seconds)
            if span:
                span.end(route, status)
            if not probe or status >= 400:
                _log_request(scope, route, status, seconds)
            current_request.reset(token)


def _route_template(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or UNMATCHED


def _log_request(scope: Scope, route: str, status: int, seconds: float) -> None:
    client = scope.get("client")
    logger.bind(
        logger="cathouse_kit.request",
        method=scope["method"],
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        client=client[0] if client else None,
    ).log("WARNING" if status >= 500 else "INFO", "request")


def _log_unexpected(error: Exception) -> None:
    if isinstance(error, ResponseValidationError):
        # Its text holds the whole answer, and with it what may be secret.
        where: list[dict[str, Any]] = [
            {"loc": item["loc"], "msg": item["msg"]} for item in error.errors()
        ]
        logger.bind(errors=where).error("the answer does not fit the route's response model")
    else:
        logger.opt(exception=error).error("unexpected failure: {}", type(error).__name__)


class FailureMiddleware:
    """Makes a problem of what nobody foresaw: nothing below it reaches the server as an exception, but for an answer
    that breaks off in the middle, which must break the connection.

    It stands inside of what adds headers for browsers, so that a page may read the request id of a failure too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def send_noting_the_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noting_the_start)
        except ClientDisconnect:
            raise
        except Exception as error:
            _log_unexpected(error)
            if started:
                raise
            await problem_response(InternalError(), scope)(scope, receive, send)


class BodyLimitMiddleware:
    """Refuses bodies over the limit: before anything runs where the length is announced, else while it streams.

    Paths below `exempt` are left to their routes.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, exempt: str | None) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exempt = self.exempt is not None and scope.get("path", "").startswith(self.exempt)
        if scope["type"] != "http" or exempt:
            await self.app(scope, receive, send)
            return

        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self.max_bytes:
            await problem_response(BodyTooLarge(self.max_bytes), scope)(scope, receive, send)
            return

        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise BodyTooLarge(self.max_bytes)
            return message

        await self.app(scope, receive_counted, send)
