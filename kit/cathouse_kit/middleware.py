"""Plain ASGI middleware for every request: its identity, its log line, its metrics and its limits."""

import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import ResponseValidationError
from loguru import logger
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse_kit.body_memory import UNCOUNTED_BYTES, BodyMemory
from cathouse_kit.context import RequestContext, TraceContext, accept_request_id, current_request
from cathouse_kit.lifecycle import Lifecycle
from cathouse_kit.logs import log_request
from cathouse_kit.metrics import Metrics
from cathouse_kit.problems import BodyTooLarge, InternalError, counted_response

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing

UNMATCHED = "(unmatched)"

REQUEST_CONTEXT = "cathouse.request_context"
"""The scope's key for the request's `RequestContext`. The server reads it."""
REFUSED_WITH = "cathouse.refused_with"
"""The scope's key for a status of the server. It is set if the server refuses the rest of a request in progress."""

# Defaults for every response. Responses are data, not pages: a browser must not run, embed or guess anything.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        # default-src does not include the last three.
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)
_PRIVATE_HEADERS = (*SECURITY_HEADERS, (b"cache-control", b"no-store"))
_SAFE = frozenset(("GET", "HEAD"))
_READ = frozenset((b"traceparent", b"tracestate", b"x-request-id", b"authorization"))


class RequestMiddleware:
    """The outermost layer: gives a request its id and its position in a trace, and logs and counts it at its end."""

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
        method = scope["method"]
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        caller = (
            TraceContext.parse(_text(headers, b"traceparent"), _text(headers, b"tracestate"))
            if b"traceparent" in headers
            else None
        )
        probe = scope["path"] in self.probes
        # Probes are too many to trace, and tell nothing.
        span = (
            self.tracing.start_server_span(method, caller) if self.tracing and not probe else None
        )
        trace = span.context if span else caller.child() if caller else TraceContext.start()
        client = scope.get("client")
        request = RequestContext(
            accept_request_id(_text(headers, b"x-request-id")),
            trace,
            client[0] if client else None,
            attributes={} if span else None,
        )
        scope[REQUEST_CONTEXT] = request
        # Caches may store only responses that anyone may read.
        public = method in _SAFE and b"authorization" not in headers and not probe
        defaults = SECURITY_HEADERS if public else _PRIVATE_HEADERS
        status = 0

        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = [pair for pair in message.get("headers", ()) if pair[0] != b"x-request-id"]
                names = {name for name, _ in given}
                given += [pair for pair in defaults if pair[0] not in names]
                given.append((b"x-request-id", request.request_id.encode()))
                if self.lifecycle.draining:
                    # The next request then uses a new connection to another replica, which is not about to close.
                    given.append((b"connection", b"close"))
                message["headers"] = given
            return send(message)

        if not probe:
            self.lifecycle.in_flight.add(request)
        self.metrics.in_flight += 1
        token = current_request.set(request)
        try:
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            # There is no client for a response. 499 means in the log that the client disconnected.
            status = status or 499
        except BaseException:
            # The server has stopped waiting and responds itself, or the response broke off.
            status = status or 500
            raise
        finally:
            status = scope.get(REFUSED_WITH, status)
            seconds = time.perf_counter() - started
            route = _route_template(scope)
            self.lifecycle.in_flight.discard(request)
            self.metrics.in_flight -= 1
            self.metrics.count(method, route, status, seconds)
            if span:
                span.end(route, status, request)
            if not probe or status >= 400:
                log_request(request, method=method, route=route, status=status, seconds=seconds)
            current_request.reset(token)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _route_template(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or UNMATCHED


def _log_unexpected(error: Exception) -> None:
    if isinstance(error, ResponseValidationError):
        # The text of this error contains the whole response, which may have secrets.
        where: list[dict[str, Any]] = [
            {"loc": item["loc"], "msg": item["msg"]} for item in error.errors()
        ]
        logger.bind(errors=where).error("the response does not match the route's response model")
    else:
        logger.opt(exception=error).error("unexpected failure: {}", type(error).__name__)


class RouteMiddleware:
    """The innermost layer, next to the routes. It applies three rules to every route.

    HEAD has the response of GET, without the body (RFC 9110, section 9.3.2), unless one of `routes` has its own HEAD.
    Outer layers see the method that was sent.

    Bodies of more than `max_bytes` are refused: before the route runs if the length is announced, otherwise during the
    transfer. The bodies of all requests share a `BodyMemory`. Routes below `exempt` limit their bodies themselves.

    Each unexpected exception becomes a problem. Only a response that breaks off raises to the server, because it must
    break the connection. This layer is inside of CORS, so a page can read the request id of a failure too.
    """

    def __init__(
        self, app: ASGIApp, *, routes: Sequence[BaseRoute], max_bytes: int, exempt: str | None
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.exempt = exempt
        self.memory = BodyMemory()
        self.own_head = [
            route for route in routes if "HEAD" in (getattr(route, "methods", None) or ())
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False
        received = taken = 0
        client = scope.get("client")
        address = client[0] if client else None

        def send_noting_the_start(message: Message) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        async def receive_counted() -> Message:
            nonlocal received, taken
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise BodyTooLarge(self.max_bytes)
            if (more := received - UNCOUNTED_BYTES - taken) > 0:
                self.memory.take(address, more)
                taken += more
            return message

        limited = self.exempt is None or not scope["path"].startswith(self.exempt)
        if limited and _announced_bytes(scope) > self.max_bytes:
            await counted_response(BodyTooLarge(self.max_bytes), scope)(scope, receive, send)
            return
        app = self._app_for_head if scope["method"] == "HEAD" else self.app
        try:
            await app(scope, receive_counted if limited else receive, send_noting_the_start)
        except ClientDisconnect:
            raise
        except Exception as error:
            _log_unexpected(error)
            if started:
                raise
            await counted_response(InternalError(), scope)(scope, receive, send)
        finally:
            if taken:
                self.memory.give_back(address, taken)

    async def _app_for_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(route.matches(scope)[0] is Match.FULL for route in self.own_head):
            await self.app(scope, receive, send)
            return

        def send_without_body(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            return send(message)

        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, send_without_body)
        finally:
            scope["route"] = as_get.get("route")


def _announced_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
