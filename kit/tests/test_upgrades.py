"""A request to change the protocol is ignored. It does not affect its body and later requests."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from cathouse_kit.header_limits import HeadLimitingProtocol
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from .support import DEADLINE_SECONDS
from .wire import give_context

UPGRADES = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Connection: upgrade\r\nUpgrade: websocket",
    "Connection: keep-alive,\tUPGRADE \r\nUpgrade: TLS/1.0, HTTP/2.0",
    "Connection: upgrade, upgrade\r\nConnection: Upgrade\r\nUpgrade: h2c",
    "Upgrade: h2c\r\nConnection: , upgrade ,",
]
# The bytes after the head, the header that announces them, and the body that the app gets.
BODIES = {
    "a length": ("Content-Length: 4", b"data", "data"),
    "chunks": ("Transfer-Encoding: chunked", b"2\r\nda\r\n2\r\nta\r\n0\r\n\r\n", "data"),
    "no body": ("Accept: */*", b"", ""),
    "an empty body": ("Content-Length: 0", b"", ""),
    "a request": ("Content-Length: 38", b"GET /hidden HTTP/1.1\r\nHost: cats\r\n\r\n\r\n", None),
}


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that returns the request that it received."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    told = json.dumps([scope["method"], scope["path"], body.decode(), headers]).encode()
    length = (b"content-length", b"%d" % len(told))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    give_context(tell)
    config = uvicorn.Config(tell, http=HeadLimitingProtocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HeadLimitingProtocol(config, state, {}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()


async def told(port: int, parts: list[bytes], responses: int) -> list[tuple[str, str, str]]:
    """Send these bytes in parts, and return the method, path and body of each request that the app got."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen = []
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(DEADLINE_SECONDS):
            for _ in range(responses):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert head.startswith(b"http/1.1 200"), head
                length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                method, path, body, _ = json.loads(await reader.readexactly(length))
                seen.append((method, path, body))
    finally:
        writer.transport.abort()
    return seen


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_no_bytes_are_lost_and_no_body_becomes_a_request(
    upgrade: str, body: str, size: int, port: int
) -> None:
    announced, data, text = BODIES[body]
    head = f"POST /first?q=1 HTTP/1.1\r\nHost: cats\r\n{upgrade}\r\n{announced}\r\n\r\n".encode()
    second = b"GET /second HTTP/1.1\r\nHost: cats\r\n\r\n"
    sent = head + data + head + data + second
    parts = [sent[begin : begin + size] for begin in range(0, len(sent), size)]
    first = ("POST", "/first", data.decode() if text is None else text)
    assert await told(port, parts, 3) == [first, first, ("GET", "/second", "")]


async def test_each_of_many_upgrade_requests_gets_a_response(port: int) -> None:
    request = f"GET /x HTTP/1.1\r\nHost: cats\r\n{UPGRADES[0]}\r\n\r\n".encode()
    assert await told(port, [request * 300], 300) == [("GET", "/x", "")] * 300


async def test_connect_is_refused_as_before(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"CONNECT cats:80 HTTP/1.1\r\nHost: cats:80\r\nConnection: upgrade\r\n\r\ndata")
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.transport.abort()
