"""The tested service with a client, and fakes of the services that it calls."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from loguru import logger

from cathouse_kit.platform import Platform
from cathouse_kit.testing.descriptions import Descriptions

Answer = (
    httpx.Response
    | Exception
    | Callable[[httpx.Request], httpx.Response]
    | Callable[[httpx.Request], Awaitable[httpx.Response]]
)


class RevocationList:
    """The list of revocations in a test. A service knows a change after `await context.revocations.poll()`."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []

    def note(self, person_id: UUID, *, active: bool, not_before: datetime | None = None) -> None:
        """Add the entry that exists after a person was disabled, was enabled or got another role."""
        moment = (not_before or datetime.now(UTC)).isoformat()
        self._entries.append({"user_id": str(person_id), "active": active, "not_before": moment})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return the response of the identity service to a poll."""
        since = int(request.url.params["since"])
        changes = {"items": self._entries[since:], "next_since": len(self._entries), "more": False}
        return httpx.Response(200, json=changes)


class FakeServices:
    """Fakes of the services that the tested one calls, as an httpx transport.

    A test sets the responses, and reads the calls. A call without a response fails the test. A response that the API
    descriptions do not allow fails it too, unless `on_undescribed` set it. The list of revocations has a response from
    the start, and its polls are not recorded.
    """

    def __init__(self, platform: Platform, descriptions: Descriptions | None = None) -> None:
        self._descriptions = descriptions
        self._undescribed: set[tuple[str, str]] = set()
        self._revocations_path = platform.identity.revocations_path
        self.calls: list[httpx.Request] = []
        self.revocations = RevocationList()
        self._answers: dict[tuple[str, str], Answer] = {
            ("GET", self._revocations_path): self.revocations.answer
        }
        self.transport = httpx.MockTransport(self._handle)

    def on(self, method: str, path: str, answer: Answer) -> None:
        """Set the response of a route: a response, an error to raise, or a function of the request."""
        self._answers[method, path] = answer
        self._undescribed.discard((method, path))

    def on_undescribed(self, method: str, path: str, answer: Answer) -> None:
        """Set a response that the API description lacks: of a service that fails, or of another version."""
        self._answers[method, path] = answer
        self._undescribed.add((method, path))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != self._revocations_path:
            self.calls.append(request)
        key = request.method, request.url.path
        answer = self._answers.get(key)
        if answer is None:
            raise AssertionError(f"the test sets no response to {request.method} {request.url}")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response can be read only once, so every call gets a new one.
            response = httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        else:
            made = answer(request)
            response = made if isinstance(made, httpx.Response) else await made
        if self._descriptions and key not in self._undescribed:
            self._descriptions.check(request, response)
        return response


@contextmanager
def identity_server(revocations: RevocationList) -> Iterator[str]:
    """Serve an identity service that only responds to polls, and yield its URL. A service needs it to be ready."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = revocations.answer(httpx.Request("GET", f"http://identity.test{self.path}"))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    with serving(Handler) as url:
        yield url


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve HTTP in a thread, on a free port of this machine, and yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def described_routes(app: FastAPI, prefix: str) -> dict[str, str]:
    """Return the routes below a prefix, as `GET /path`, by their names in the API's description."""
    return {
        operation["operationId"]: f"{method.upper()} {path.removeprefix(prefix)}"
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if path.startswith(prefix)
    }


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start the lifespan of an app, and yield a client of it, with all middleware but without a socket."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://cathouse.test"
        ) as client,
    ):
        yield client


@contextmanager
def recorded_events() -> Iterator[list[dict[str, Any]]]:
    """Yield the list of security events that are logged during the block, with all fields of their lines."""
    events: list[dict[str, Any]] = []
    sink = logger.add(
        lambda message: events.append(dict(message.record["extra"])),
        level=0,
        filter=lambda record: "event" in record["extra"],
    )
    try:
        yield events
    finally:
        logger.remove(sink)
