"""Connections to a served app, byte by byte, because no client library sends the requests of these tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import uvicorn
from cathouse_kit.connections import Connections
from cathouse_kit.header_limits import HeadLimitingProtocol
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from .sample_platform import PLATFORM
from .support import DEADLINE_SECONDS


class LengthApp:
    """An app that returns the length of the body. `/stream` begins its response at once, and ends it on request."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.ended = asyncio.Event()
        self.messages: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200}
        if scope["path"] == "/stream":
            await send({**start, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            await self.may_end.wait()
            await send({"type": "http.response.body", "body": b"ended"})
            return
        size, more = 0, True
        while more:
            message = await receive()
            self.messages.append(message["type"])
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"%d" % size
        await send({**start, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
        self.ended.set()


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def send_without_end(self, part: bytes) -> None:
        """Send until the server reads no more."""
        with suppress(ConnectionError):
            while not self.reader.at_eof():
                await self.send(part)

    async def response(self) -> tuple[bytes, dict[str, str], bytes]:
        """Return the status line, the headers, and the announced length of the body."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
            body = await self.reader.readexactly(int(headers["content-length"]))
        return head[0].encode(), headers, body

    async def rest(self) -> bytes:
        """Return all bytes until the server closes the connection."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.reader.read()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        client.writer.transport.abort()


def give_context(app: Any) -> None:
    """Give an app that is no service what refusals need of one: the platform."""
    if not hasattr(app, "state"):
        app.state = SimpleNamespace(context=SimpleNamespace(platform=PLATFORM))


Connect = Callable[[], AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def listening(app: ASGIApp, connections: Connections | None = None) -> AsyncIterator[int]:
    """Serve an app with the kit's protocol, and yield the port."""
    give_context(app)
    config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HeadLimitingProtocol(config, state, {}, connections=connections or Connections()),
        "127.0.0.1",
        0,
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while state.tasks:
            await asyncio.wait(state.tasks)


def problem_of(response: tuple[bytes, dict[str, str], bytes]) -> dict[str, Any]:
    _, headers, body = response
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    problem: dict[str, Any] = json.loads(body)
    assert problem["request_id"] == headers["x-request-id"]
    return problem
