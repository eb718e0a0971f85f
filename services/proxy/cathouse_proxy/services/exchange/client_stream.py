"""The caller's side of a call: the body that they send, and whether they are still there."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from cathouse_kit.problems import BodyTooLarge
from starlette.types import Receive


class CallerLeft(Exception):
    """The caller has closed the connection."""


class Stopwatch:
    """How long somebody is waited for, in all."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    def begin(self) -> None:
        self._since = time.monotonic()

    def end(self) -> None:
        """A wait that is broken off is not ended: who was waited for at that moment is what will be asked."""
        self._before, self._since = self.seconds, None

    @property
    def now(self) -> bool:
        return self._since is not None

    @property
    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since is not None else 0.0)


class ClientStream:
    """Iterating gives the body, as it arrives; the next part is not read before this one is taken.

    What goes wrong on this side is kept in `failure`, and `interrupt` is called, because those who iterate are in the
    middle of something else.
    """

    def __init__(self, receive: Receive, *, max_bytes: int, interrupt: Callable[[], None]) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._interrupt = interrupt
        self._all_read = asyncio.Event()
        self.failure: BodyTooLarge | CallerLeft | None = None
        self.waiting = Stopwatch()
        """For the next part of the body."""
        self.on_all_read: Callable[[], None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        more = True
        while more:
            self.waiting.begin()
            message = await self._receive()
            self.waiting.end()
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
        """Waits until the caller leaves; after the body, where there is one."""
        if body:
            await self._all_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._fail(CallerLeft())

    def _fail(self, failure: BodyTooLarge | CallerLeft) -> BodyTooLarge | CallerLeft:
        self.failure = failure
        self._interrupt()
        return failure
