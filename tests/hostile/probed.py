"""Run an app on an event loop that measures how long it was blocked."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cathouse_kit.server import freeze_heap
from fastapi import FastAPI
from starlette.types import Message

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request in the form that a server passes to the app."""

    method: str
    path: str
    """The path with percent-encoding, without the query."""
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: bytes


class ProbedLoop(asyncio.SelectorEventLoop):
    """Measures the CPU time of each of its turns, so that the load of other programs does not count."""

    longest = 0.0
    """Seconds of the longest turn since this was set to 0."""

    def _run_once(self) -> None:
        began = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        self.longest = max(self.longest, time.thread_time() - began)


class Probed:
    """A running app. Call it from outside of event loops."""

    def __init__(self, app: FastAPI, loop: ProbedLoop) -> None:
        self._app = app
        self._loop = loop

    def ask(self, request: Request) -> tuple[Answer, float]:
        """Return the response, and the longest time that the event loop was blocked, in seconds of CPU time."""
        self._loop.longest = 0.0
        answer = self._loop.run_until_complete(self._ask(request))
        return answer, self._loop.longest

    async def _ask(self, request: Request) -> Answer:
        start: Message = {}
        parts: list[bytes] = []
        requested = asyncio.Event()

        async def receive() -> Message:
            if requested.is_set():
                await asyncio.Event().wait()  # the client stays connected until it has the response
            requested.set()
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(_scope(request), receive, send)
        headers = dict(start["headers"])
        media_type = headers.get(b"content-type", b"").decode().partition(";")[0]
        return Answer(start["status"], media_type, b"".join(parts))


def _scope(request: Request) -> Message:
    length = (b"content-length", str(len(request.body)).encode())
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(request.path).decode("utf-8", "replace"),
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": request.query,
        "headers": [(b"host", b"cathouse.test"), length, *request.headers],
        "client": ("127.0.0.1", 50000),
        "server": ("cathouse.test", 80),
    }


@contextmanager
def probed(app: FastAPI) -> Iterator[Probed]:
    """Run the app's lifespan around the block."""
    loop = ProbedLoop()
    lifespan = app.router.lifespan_context(app)
    try:
        loop.run_until_complete(lifespan.__aenter__())
        freeze_heap()  # the same as in the server
        try:
            yield Probed(app, loop)
        finally:
            gc.unfreeze()
            loop.run_until_complete(lifespan.__aexit__(None, None, None))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
