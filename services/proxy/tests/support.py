"""Support for tests of the proxy: a fake platform, a cat with scripted responses, and raw requests."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import uvicorn
from cathouse_kit.header_limits import HeadLimitingProtocol
from cathouse_kit.testing import FakeServices, eventually, free_port
from cathouse_platform.testing import cat_body, problem, scope_body
from cathouse_proxy.services.call import PREFIX, Call
from cathouse_proxy.settings import Settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

Rows = Callable[[], Awaitable[list[dict[str, Any]]]]
Remake = Callable[..., None]

VERIFY = "/api/v1/installations/internal/verify"
TASKS = [
    scope_body("tasks:read", {"methods": ["GET", "HEAD"], "path": "/tasks"}),
    scope_body(
        "tasks:write",
        {"methods": ["POST", "PUT", "OPTIONS"], "path": "/tasks"},
        {"methods": ["PUT", "PATCH", "DELETE"], "path": "/tasks/{id}"},
    ),
    scope_body("tasks:share", {"methods": ["POST"], "path": "/tasks/{id}/share"}),
]


AMBIGUOUS_PATHS = [
    b"..",
    b".",
    b"tasks/..",
    b"tasks/../admin",
    b"tasks/./7",
    b"%2e%2e",
    b"%2E%2e/admin",
    b".%2e/admin",
    b"a%2eb",
    b"..;/admin",
    b"tasks/..;x=1/admin",
    b".;x",
    b"tasks%2fadmin",
    b"tasks%2Fadmin",
    b"tasks%5cadmin",
    b"tasks%5C..%5Cadmin",
    b"tasks\\admin",
    b"/host",
    b"/",
    b"//evil.example/x",
    b"tasks//7",
    b"tasks/7//",
    b"http://evil.example/x",
    b"%00",
    b"tasks/%0d%0aX-Evil:%201",
    b"tasks/%7f",
    b"tasks/%c2%85",
    b"tasks/\x00",
    b"tasks/\x1f",
    b"tasks/\x7f",
    b"tasks/ 7",
    b"tasks/\xc3\xa9",
    b"tasks/%ff",
    b"tasks/%c0%ae%c0%ae/admin",  # dots in overlong UTF-8
    b"tasks/%252e%252e/admin",
    b"tasks/%252fadmin",
    b"tasks/%2541",
    b"tasks/%",
    b"tasks/%2",
    b"tasks/%zz",
    b"tasks/%u002e",
    b'tasks/"',
    b"tasks/<x>",
    b"tasks/{id}",
    b"tasks/a|b",
    b"tasks/a^b",
    b"tasks/a`b",
    b"tasks/[1]",
    b"tasks#fragment",
    b"tasks?x",
]
"""Ambiguous paths: two programs could read them differently."""


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakePlatform:
    """One installation of one cat, in the responses of the other services."""

    fake_services: FakeServices
    endpoint_url: str = "http://127.0.0.1:1"
    owner_id: UUID = field(default_factory=uuid4)
    installation_id: UUID = field(default_factory=uuid4)
    cat_id: UUID = field(default_factory=uuid4)
    credential: str = field(default_factory=lambda: f"cat_{secrets.token_urlsafe(32)}")
    status: str = "active"
    cat_status: str = "published"
    granted_scopes: Sequence[str] = ("tasks:read", "tasks:write")
    scopes: list[dict[str, Any]] = field(default_factory=lambda: list(TASKS))

    def __post_init__(self) -> None:
        self.fake_services.on("POST", VERIFY, self.verify)
        self.fake_services.on("GET", f"/api/v1/catalog/internal/cats/{self.cat_id}", self.manifest)

    def verify(self, request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.content)
        if asked not in (
            {"credential": self.credential},
            {"installation_id": str(self.installation_id)},
        ):
            return problem(404, "unknown_installation")
        return httpx.Response(
            200,
            json={
                "installation_id": str(self.installation_id),
                "user_id": str(self.owner_id),
                "cat_id": str(self.cat_id),
                "status": self.status,
                "granted_scopes": list(self.granted_scopes),
            },
        )

    def manifest(self, _request: httpx.Request) -> httpx.Response:
        cat = cat_body(
            id=str(self.cat_id),
            status=self.cat_status,
            endpoint_url=self.endpoint_url,
            scopes=self.scopes,
        )
        return httpx.Response(200, json=cat)

    def neighbour(self) -> "FakePlatform":
        """Return another user's installation of the same cat."""
        other = FakePlatform(self.fake_services, self.endpoint_url, cat_id=self.cat_id)

        def verify(request: httpx.Request) -> httpx.Response:
            answer = self.verify(request)
            return other.verify(request) if answer.status_code == 404 else answer

        self.fake_services.on("POST", VERIFY, verify)
        self.fake_services.on("GET", f"/api/v1/catalog/internal/cats/{self.cat_id}", self.manifest)
        return other

    def path(self, below: str = "tasks") -> str:
        return f"/api/v1/proxy/{self.installation_id}/{below}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credential}"}


@dataclass
class Received:
    """A request as received at a cat's socket."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} came twice: {values}")
        return values[0] if values else None


Script = Callable[["ScriptedCat", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ScriptedCat:
    """A cat on a real socket. It reads each whole request, and then writes `answer` or runs `script`."""

    OK = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"
        b'{"ok":true}'
    )

    def __init__(self) -> None:
        self.answer = self.OK
        self.script: Script | None = None
        self.requests: list[Received] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedCat"]:
        tasks: set[asyncio.Task[None]] = set()

        def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            tasks.add(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                if self.script:
                    await self.script(self, reader, writer)
                    return
                request = await read_request(reader)
                self.requests.append(request)
                head, end, body = self.answer.partition(b"\r\n\r\n")
                writer.write(head + end + (b"" if request.line.startswith("HEAD ") else body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Received:
    """Read a request with its body from a socket."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (text.partition(":") for text in lines)]
    request = Received(line, headers, b"")
    if length := request.header("content-length"):
        request.body = await reader.readexactly(int(length))
    elif request.header("transfer-encoding"):
        while size := int((await reader.readline()).strip(), 16):
            request.body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    return request


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """Serve an app like the kit does, on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        http=HeadLimitingProtocol,
        timeout_graceful_shutdown=1,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # `serve` would handle signals, and checks only ten times a second if it should stop.
    await server.startup(sockets=[listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await server.shutdown(sockets=[listener])


@asynccontextmanager
async def other_services(fake_services: FakeServices) -> AsyncIterator[int]:
    """Serve the fakes on a real port."""

    async def answer(request: Request) -> Response:
        asked = httpx.Request(
            request.method, str(request.url), headers=request.headers, content=await request.body()
        )
        told = await fake_services.transport.handle_async_request(asked)
        return Response(told.content, told.status_code, dict(told.headers))

    routes = [Route("/{path:path}", answer, methods=["GET", "POST"])]
    async with served(Starlette(routes=routes)) as port:
        yield port


@asynccontextmanager
async def server_process(
    settings: Settings, peers: int, folder: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run the proxy as a process with high limits. Yield the process and its port."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "SERVICE_TOKEN": settings.service_token.get_secret_value(),
        "AUTH_URL": f"http://127.0.0.1:{peers}",
        "CATALOG_URL": f"http://127.0.0.1:{peers}",
        "INSTALLATION_URL": f"http://127.0.0.1:{peers}",
        "PROXY_ALLOW_PRIVATE_UPSTREAMS": "true",
        "PROXY_MAX_REQUEST_BYTES": str(256 * 1024 * 1024),
        "PROXY_MAX_ANSWER_BYTES": str(256 * 1024 * 1024),
    }
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cathouse_proxy", "serve"),
        env=environment | {"PORT": str(port)},
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                if process.returncode is not None:
                    raise AssertionError("the proxy does not start")
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}/health/ready")
                except httpx.TransportError:
                    return False
                return answer.status_code == 200

            await eventually("the proxy to be ready", ready)
        yield process, port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def exchange(port: int, request: bytes, *, until_closed: bool = False) -> bytes:
    """Send these bytes over a socket. Return one response, or everything until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(10):
            if until_closed:
                return await reader.read()
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    return head + await reader.readexactly(int(line.partition(b":")[2]))
            return head
    finally:
        writer.close()


def arrived_call(below: str) -> Call:
    """Return a call of a path below an installation, before any check."""
    installation_id = str(uuid4())
    return Call.of(
        {
            "method": "GET",
            "path_params": {"installation_id": installation_id},
            "raw_path": f"{PREFIX}/{installation_id}{below}".encode(),
            "query_string": b"",
            "headers": [],
            "scheme": "http",
            "client": None,
        }
    )


def request_bytes(platform: FakePlatform, line: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request with the platform's credential. `line` is its first line, without the version."""
    lines = [
        f"{line} HTTP/1.1",
        "Host: cathouse.test",
        f"Authorization: Bearer {platform.credential}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def ended(rows: Rows, count: int = 1) -> list[dict[str, Any]]:
    """Wait until the audit has this number of calls and all have ended. Return its rows."""

    async def all_ended() -> list[dict[str, Any]]:
        found = await rows()
        whole = len(found) == count and all(row["duration_ms"] is not None for row in found)
        return found if whole else []

    result: list[dict[str, Any]] = await eventually(f"{count} calls to end", all_ended)
    return result
