"""The caller's side of a call: the body that they send, and whether they are still there."""

import asyncio
from collections.abc import AsyncIterator, Callable

from cathouse_kit.problems import BodyTooLarge
from starlette.types import Receive


class CallerLeft(Exception):
    """The caller has closed the connection."""


class Caller:
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
        self.waited_for = False
        """Whether the next part of the body is being waited for."""
        self.on_all_read: Callable[[], None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        more = True
        while more:
            self.waited_for = True
            message = await self._receive()
            self.waited_for = False
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
