"""The caller's side of a call: the request body, the response, and the detection of a disconnect."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from cathouse_kit.problems import BodyTooLarge
from starlette.types import Message, Receive, Send


class CallerLeft(Exception):
    """The caller has closed the connection."""


class Stopwatch:
    """Measures the total time of several waits."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    def begin(self) -> None:
        self._since = time.monotonic()

    def end(self) -> None:
        """End a wait. Do not call this for an interrupted wait: `now` then shows who was waited for."""
        self._before, self._since = self.seconds, None

    @property
    def now(self) -> bool:
        return self._since is not None

    @property
    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since is not None else 0.0)


class ClientStream:
    """Both directions of a call's connection with its caller.

    Iteration yields the body as it arrives. The next part is read only when it is requested. A failure of the caller is
    stored in `failure`. It also ends `deadline`, which interrupts the rest of the call.
    """

    def __init__(self, receive: Receive, send: Send, *, max_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._max_bytes = max_bytes
        self._all_read = asyncio.Event()
        self.deadline: asyncio.Timeout
        """The time limit of the whole call. The exchange sets it before it reads the body."""
        self.failure: BodyTooLarge | CallerLeft | None = None
        self.status: int | None = None
        """The status that was sent, or None before."""
        self.sending_body = Stopwatch()
        """The time spent waiting for the caller to send the body."""
        self.taking_response = Stopwatch()
        """The time spent waiting for the caller to read the response."""
        self.on_all_read: Callable[[], None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        more = True
        while more:
            self.sending_body.begin()
            message = await self._receive()
            self.sending_body.end()
            if message["type"] == "http.disconnect":
                raise self._fail(CallerLeft())
            part = message.get("body", b"")
            received += len(part)
            if received > self._max_bytes:
                raise self._fail(BodyTooLarge(self._max_bytes))
            if part:
                yield part
            more = message.get("more_body", False)
        self._all_read.set()
        if self.on_all_read:
            self.on_all_read()

    async def watch(self, *, body: bool) -> None:
        """Wait until the caller disconnects. With `body`, begin after the body has been read."""
        if body:
            await self._all_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._fail(CallerLeft())

    def _fail(self, failure: BodyTooLarge | CallerLeft) -> BodyTooLarge | CallerLeft:
        self.failure = failure
        self.deadline.reschedule(asyncio.get_running_loop().time())
        return failure

    async def start_response(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        await self._wait({"type": "http.response.start", "status": status, "headers": headers})

    async def send_body(self, part: bytes, *, more: bool) -> None:
        await self._wait({"type": "http.response.body", "body": part, "more_body": more})

    async def _wait(self, message: Message) -> None:
        self.taking_response.begin()
        await self._send(message)
        self.taking_response.end()
