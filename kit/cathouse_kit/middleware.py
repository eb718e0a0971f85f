"""What happens to every request, as plain ASGI: its identity, its one log line, its metrics, its limits."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import ResponseValidationError
from loguru import logger
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse_kit.context import RequestContext, TraceContext, accept_request_id, current_request
from cathouse_kit.lifecycle import Lifecycle
from cathouse_kit.metrics import Metrics
from cathouse_kit.problems import BodyTooLarge, InternalError, problem_response

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing

UNMATCHED = "(unmatched)"

REQUEST_CONTEXT = "cathouse.request_context"
"""Where the scope has the request's `RequestContext`, for the server."""
REFUSED_WITH = "cathouse.refused_with"
"""Where the scope has the status with which the server has refused the rest of a request that the app works on."""

# What a response has unless it says otherwise. It is data, and no page: a browser is to run, embed and guess nothing.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        # The last three are not among those that default-src stands for.
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)
_PRIVATE_HEADERS = (*SECURITY_HEADERS, (b"cache-control", b"no-store"))
_SAFE = frozenset(("GET", "HEAD"))
_READ = frozenset((b"traceparent", b"tracestate", b"x-request-id", b"authorization"))


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
        headers = {
            name: value.decode("latin-1") for name, value in scope["headers"] if name in _READ
        }
        caller = TraceContext.parse(headers.get(b"traceparent"), headers.get(b"tracestate"))
        span = self.tracing.start_server_span(scope["method"], caller) if self.tracing else None
        trace = span.context if span else caller.child() if caller else TraceContext.start()
        client = scope.get("client")
        request = RequestContext(
            accept_request_id(headers.get(b"x-request-id")), trace, client[0] if client else None
        )
        scope[REQUEST_CONTEXT] = request
        probe = scope["path"] in self.probes
        # Only what anyone may read is left to caches.
        public = scope["method"] in _SAFE and b"authorization" not in headers and not probe
        defaults = SECURITY_HEADERS if public else _PRIVATE_HEADERS
        request_id = (b"x-request-id", request.request_id.encode())
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = [pair for pair in message.get("headers", ()) if pair[0] != b"x-request-id"]
                names = {name for name, _ in given}
                given += [pair for pair in defaults if pair[0] not in names]
                given.append(request_id)
                if self.lifecycle.draining:
                    # The next request goes to another replica, on a connection that nobody closes under it.
                    given.append((b"connection", b"close"))
                message["headers"] = given
            await send(message)

        if not probe:
            self.lifecycle.in_flight.add(request)
        self.metrics.in_flight.inc()
        token = current_request.set(request)
        try:
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            # Nobody is left to be answered; the log says that it was the client who left.
            status = status or 499
        except BaseException:
            # The server waits no longer, and answers in its own words; or the answer broke off in the middle.
            status = status or 500
            raise
        finally:
            status = scope.get(REFUSED_WITH, status)
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


class HeadMiddleware:
    """Answers HEAD as GET, without the body (RFC 9110, section 9.3.2), where no route has HEAD as its own.

    It stands next to the routes: what is outside of it sees the method that was sent.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.own = [route for route in routes if "HEAD" in (getattr(route, "methods", None) or ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or self._has_own(scope):
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, send_without_body)
        finally:
            scope["route"] = as_get.get("route")

    def _has_own(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self.own)


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
