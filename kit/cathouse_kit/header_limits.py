"""Limits on the size and the slowness of requests and responses, which uvicorn with httptools lacks."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, cast

import httptools
from loguru import logger
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from cathouse_kit.addresses import normalised
from cathouse_kit.connections import Connections, TooManyConnections
from cathouse_kit.context import RequestContext, TraceContext, accept_request_id, current_request
from cathouse_kit.head_checks import MalformedRequest, check_head
from cathouse_kit.middleware import REFUSED_WITH, REQUEST_CONTEXT, SECURITY_HEADERS, UNMATCHED
from cathouse_kit.problems import Problem, problem_response

MAX_BYTES = 64 * 1024
MAX_SECONDS = 10.0
# A body may take BODY_SECONDS, plus one second for each BODY_BYTES_PER_SECOND received, but never more than the total.
BODY_SECONDS = 10.0
BODY_BYTES_PER_SECOND = 1024
BODY_TOTAL_SECONDS = 300.0
# The unsent part of a response must get shorter in each such interval. The kernel accepts more only when a part of its
# buffer is free again, so a client cannot keep a connection by reading single bytes.
SENDING_SECONDS = 30.0
# After a refusal, the rest of the request is read and discarded for this time. If the connection were closed at once,
# the system would reset it, and the client would lose the response.
_LINGER_SECONDS = 1.0
_UNREAD = "(unread)"
"""The value of the label `method` in the metrics for a request with a refused head."""
_UNBOUNDED = Connections()


class HeadTooLarge(Problem):
    status: ClassVar[int] = 431
    title = "Request head too large"

    def __init__(self) -> None:
        super().__init__(
            f"The head of the request is larger than {MAX_BYTES} bytes. Send fewer or shorter headers.",
            limit=MAX_BYTES,
        )


class HeadTooSlow(Problem):
    status: ClassVar[int] = 408
    title = "Request timeout"

    def __init__(self) -> None:
        super().__init__(
            f"The head of the request did not arrive within {MAX_SECONDS:g} seconds. Send it faster."
        )


class BodyTooSlow(Problem):
    status: ClassVar[int] = 408
    title = "Request timeout"

    def __init__(self) -> None:
        super().__init__(
            f"The body of the request arrived too slowly. After the first {BODY_SECONDS:g} seconds, send at least "
            f"{BODY_BYTES_PER_SECOND} bytes a second. Send the whole body within {BODY_TOTAL_SECONDS:g} seconds."
        )


class HeadLimitingProtocol(HttpToolsProtocol):
    """A connection with limits.

    The client must send a head of at most `MAX_BYTES` within `MAX_SECONDS`. It must send a body, and read a response,
    at a minimum rate. The head of a chunk and the trailers of a body have the same limit of bytes as a head. Trailers
    are ignored. The size of a body is not limited here. `connections` counts the connection, and may refuse it.

    Every refusal is a problem, counted in the metrics and logged.
    """

    def __init__(self, *args: Any, connections: Connections = _UNBOUNDED, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections = connections
        self._between_bodies = True
        """True while the next data is, or continues, the head of a request."""
        self._head_bytes = 0
        self._body_bytes = 0
        self._body_began = 0.0
        self._resumes_body = False
        self._refused = False
        self._idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sending_timer: asyncio.TimerHandle | None = None
        self._unsent = 0

    @property
    def _ends(self) -> bool:
        return self._refused or self.transport.is_closing()

    # The interface that `Connections` needs.

    @property
    def address(self) -> str | None:
        return self.client[0] if self.client else None

    @property
    def idle_since(self) -> float | None:
        waits = self._between_bodies and not self._response_in_progress() and not self._ends
        return self._idle_since if waits else None

    def make_room(self) -> None:
        self._close()

    # Begin and end of the connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client:
            self.client = (normalised(self.client[0]), self.client[1])
        self._idle_since = self.loop.time()
        try:
            self._connections.enter(self)
        except TooManyConnections as problem:
            # Close without lingering, which would keep one more connection open.
            self._refuse(problem, linger_seconds=0)
        else:
            self._start_timer(MAX_SECONDS, self._on_head_time_over)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        self._stop_timer()
        self._stop_sending_timer()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_sending()

    def _close(self) -> None:
        self.transport.close()
        self._watch_sending()

    # Received data.

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        begin = 0
        while begin < len(data) and not self._ends:
            # Parse at most as many bytes as the head may still have. A head that is complete by then is accepted.
            part = data[begin : begin + MAX_BYTES - self._head_bytes]
            begin += len(part)
            self._head_bytes += len(part)
            self._parse(part)
            if self._head_bytes >= MAX_BYTES and not self._ends:
                self._refuse(HeadTooLarge())
        self._time_what_has_begun()

    def _parse(self, part: bytes) -> None:
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay_with_http(part[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, httptools.HttpParserInvalidURLError | UnicodeDecodeError):
                cause = MalformedRequest(
                    "The request target is not a valid URL. Encode special characters as %XX."
                )
            if not isinstance(cause, Problem):
                raise
            self._refuse(cause)
        except httptools.HttpParserError as error:
            self._refuse(MalformedRequest(f"This is not a valid HTTP/1.1 request: {error}."))

    def _stay_with_http(self, rest: bytes) -> None:
        """Continue with HTTP after a request for another protocol, which a server may ignore (RFC 9110, section 7.8).

        The parser has ended the request without its body. A new parser continues at the beginning of the body.
        """
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        framing = [
            name + b": " + value + b"\r\n"
            for name, value in self.scope["headers"]
            if name in (b"content-length", b"transfer-encoding")
        ]
        if framing:
            self.cycle.more_body = True
            self._resumes_body = True
            self._parse(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._head_bytes = len(rest)
        if rest:
            self._parse(rest)

    def on_message_begin(self) -> None:
        if self._resumes_body:
            return
        super().on_message_begin()
        # The head may begin in the middle of the received data, after a request that was counted.
        self._head_bytes = self._head_bytes or 1

    def on_headers_complete(self) -> None:
        if self._resumes_body:
            self._resumes_body = False
        else:
            check_head(self.parser.get_http_version(), self.url, self.headers)
            super().on_headers_complete()
            if self.scope["http_version"] == "1.0":
                _send_without_chunks(self.cycle)
        # The parser reports trailers like headers. They are ignored.
        self.headers = []
        self._between_bodies = False
        self._head_bytes = self._body_bytes = 0
        self._stop_timer()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._between_bodies = True
        self._head_bytes = 0
        self._stop_timer()
        if any(name == b"connection" for name, _ in self.headers):
            self._end_after_response()
        super().on_message_complete()

    def _end_after_response(self) -> None:
        """Close the connection after a trailer `Connection`: the parser then skips all further data."""
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self._close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if self.transport.is_closing():
            self._watch_sending()
        else:
            self._time_what_has_begun()

    # Time limits.

    def _time_what_has_begun(self) -> None:
        if self._timer is not None or self._ends:
            return
        if not self._between_bodies:
            self._body_began = self.loop.time()
            self._start_timer(BODY_SECONDS, self._on_body_time_over)
        elif self._head_bytes:
            self._start_timer(MAX_SECONDS, self._on_head_time_over)

    def _start_timer(self, seconds: float, on_time_over: Callable[[], None]) -> None:
        self._timer = self.loop.call_later(seconds, on_time_over)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_head_time_over(self) -> None:
        self._timer = None
        if self._response_in_progress():
            return  # the time of the next head begins after the response
        if self._head_bytes:
            self._refuse(HeadTooSlow())
        else:
            # No error: browsers and load balancers open connections that they may not need.
            self._close()

    def _on_body_time_over(self) -> None:
        self._timer = None
        now = self.loop.time()
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:
            # The service made the client wait, so the client's time starts again.
            self._body_began, self._body_bytes = now, 0
        allowed = BODY_SECONDS + self._body_bytes / BODY_BYTES_PER_SECOND
        left = self._body_began + min(allowed, BODY_TOTAL_SECONDS) - now
        if left > 0:
            self._start_timer(left, self._on_body_time_over)
        else:
            self._refuse(BodyTooSlow())

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_sending()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_sending_timer()

    def _watch_sending(self) -> None:
        """Start checking that the client reads the unsent data. Nothing is added to this data in the meantime."""
        if self._sending_timer is None:
            self._unsent = self.transport.get_write_buffer_size()
            self._sending_timer = self.loop.call_later(SENDING_SECONDS, self._check_sending)

    def _check_sending(self) -> None:
        self._sending_timer = None
        if 0 < self._unsent <= self.transport.get_write_buffer_size():
            logger.bind(client=self.address).warning(
                "closed a connection: the client reads too slowly"
            )
            self.transport.abort()
        else:
            self._watch_sending()

    def _stop_sending_timer(self) -> None:
        if self._sending_timer is not None:
            self._sending_timer.cancel()
            self._sending_timer = None

    # Refusals.

    def _response_in_progress(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, problem: Problem, linger_seconds: float = _LINGER_SECONDS) -> None:
        self._stop_timer()
        self._refused = True
        request = self._request_context()
        token = current_request.set(request)
        logger.bind(status=problem.status, client=self.address).warning(
            "refused a request: {}", problem.title
        )
        # The app counts a request with a complete head.
        if self._between_bodies and (metrics := self._connections.metrics):
            metrics.requests.labels(_UNREAD, UNMATCHED, str(problem.status)).inc()
        if self._may_respond():
            self._respond(problem, request.request_id, linger_seconds)
        elif self._between_bodies and isinstance(problem, MalformedRequest):
            # Earlier requests get their responses. The last of these ends the connection.
            self.cycle.keep_alive = False
        else:
            self._close()
        current_request.reset(token)

    def _request_context(self) -> RequestContext:
        """Return the context that the app has created for the request, otherwise a new one."""
        if not self._between_bodies and (known := self.scope.get(REQUEST_CONTEXT)):
            return cast(RequestContext, known)
        headers = self.headers if self._between_bodies else self.scope["headers"]
        given = (value for name, value in headers or () if name == b"x-request-id")
        return RequestContext(
            accept_request_id(next(given, b"").decode("latin-1")), TraceContext.start()
        )

    def _may_respond(self) -> bool:
        """Return whether a response that is sent now is the response to the refused request."""
        if self._between_bodies:
            return not self._response_in_progress()
        return not self.cycle.response_started and not self.pipeline

    def _respond(self, problem: Problem, request_id: str, linger_seconds: float) -> None:
        path = ""  # unknown if the head is refused
        if not self._between_bodies:
            path = self.scope["path"]
            cast(dict[str, Any], self.scope)[REFUSED_WITH] = problem.status
            # To the app, the client has disconnected.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = problem_response(problem, {"path": path, "app": self.config.app})
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            *SECURITY_HEADERS,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        status = HTTPStatus(problem.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        if linger_seconds:
            self.transport.write_eof()
            self._timer = self.loop.call_later(linger_seconds, self._close)
        else:
            self._close()


def _send_without_chunks(cycle: RequestResponseCycle) -> None:
    """End a response of unknown length with the connection, because HTTP/1.0 has no chunks (RFC 9112, section 6.3)."""
    send = cycle.send
    unframed = False

    async def send_to_http_10(message: Any) -> None:
        nonlocal unframed
        if message["type"] == "http.response.start":
            unframed = not any(name == b"content-length" for name, _ in message["headers"])
            cycle.chunked_encoding = False if unframed else None
        elif unframed:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    cycle.send = send_to_http_10  # type: ignore[method-assign]
