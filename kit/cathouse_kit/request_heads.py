"""Limits on the head of a request, which uvicorn with httptools lacks: how long it is, and how long it takes."""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from loguru import logger
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cathouse_kit.context import RequestContext, TraceContext, accept_request_id, current_request
from cathouse_kit.problems import Problem, problem_response
from cathouse_kit.upgrades import UpgradeIgnoringParser

MAX_BYTES = 64 * 1024
MAX_SECONDS = 10.0
# For so long is read, and thrown away, what still comes after a refusal: closed at once, the connection would be reset,
# and the answer lost with it.
_LINGER_SECONDS = 1.0


class HeadTooLarge(Problem):
    status: ClassVar[int] = 431
    title = "Request head too large"

    def __init__(self) -> None:
        super().__init__(f"A request's head may have {MAX_BYTES} bytes at most.", limit=MAX_BYTES)


class HeadTooSlow(Problem):
    status: ClassVar[int] = 408
    title = "Request timeout"

    def __init__(self) -> None:
        super().__init__(f"A request's head may take {MAX_SECONDS:g} seconds at most.")


class HeadLimitingProtocol(HttpToolsProtocol):
    """A connection whose client may send a head of `MAX_BYTES`, within `MAX_SECONDS`.

    The head of a chunk and the trailers of a body have the first limit, too; the body has none here. How long a
    connection may be idle between two requests is uvicorn's own.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.parser: UpgradeIgnoringParser = UpgradeIgnoringParser(self)
        # As uvicorn does, so that requests in a row may come after one with `Connection: close`.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._between_bodies = True
        """Whether the next thing to come, or to go on, is the head of a request."""
        self._head_bytes = 0
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        begin = 0
        while begin < len(data) and not self._refused and not self.transport.is_closing():
            # No more than what a head may still have: what is whole by then is well.
            part = data[begin : begin + MAX_BYTES - self._head_bytes]
            begin += len(part)
            self._head_bytes += len(part)
            super().data_received(part)
            if self._head_bytes >= MAX_BYTES and not self.transport.is_closing():
                self._refuse(HeadTooLarge())
        self._time_what_has_begun()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # The head may begin in the middle of a part, after a request that was counted.
        self._head_bytes = self._head_bytes or 1

    def on_headers_complete(self) -> None:
        if self.parser.is_upgrade:
            return  # the parser reads it once more
        self._between_bodies = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.is_upgrade:
            return
        self._between_bodies = True
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._time_what_has_begun()

    def _time_what_has_begun(self) -> None:
        begun = self._between_bodies and self._head_bytes and not self._refused
        if begun and self._timer is None and not self.transport.is_closing():
            self._start_timer()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(MAX_SECONDS, self._on_time_over)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time_over(self) -> None:
        self._timer = None
        if self._answer_goes_on():
            return  # it may take its time, and a head that came before its end begins its own after it
        if self._head_bytes:
            self._refuse(HeadTooSlow())
        else:
            # Browsers and load balancers open connections that they may not need: nothing is wrong.
            self.transport.close()

    def _answer_goes_on(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        self._stop_timer()
        self._refused = True
        request = RequestContext(accept_request_id(None), TraceContext.start())
        token = current_request.set(request)
        logger.bind(status=problem.status, client=self.client[0] if self.client else None).warning(
            "refused a request: {}", problem.title
        )
        if self._may_answer():
            self._answer(problem, request.request_id)
        else:
            self.transport.close()
        current_request.reset(token)

    def _may_answer(self) -> bool:
        """Whether what is said now is the answer to the request that is refused."""
        if self._between_bodies:
            return not self._answer_goes_on()
        return not self.cycle.response_started and not self.pipeline

    def _answer(self, problem: Problem, request_id: str) -> None:
        path = ""  # not known where the head is what is wrong
        if not self._between_bodies:
            path = self.scope["path"]
            # For the app the client has left.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = problem_response(problem, {"path": path})
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        status = HTTPStatus(problem.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.write_eof()
        self._timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)
