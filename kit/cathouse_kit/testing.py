"""Parts of a service's tests: trusted tokens, fakes of the services it calls, its app with a client."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import jwt
from asyncpg.connection import LoggedQuery
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from jwt.algorithms import OKPAlgorithm
from loguru import logger
from sqlalchemy import event

from cathouse_kit.database import Database
from cathouse_kit.revocations import PATH as REVOCATIONS_PATH
from cathouse_kit.tokens import ALGORITHM, AUDIENCE, ISSUER, Role

JWKS_PATH = "/api/v1/auth/jwks"


class Issuer:
    """Signs access tokens as auth does, with a key of its own."""

    def __init__(self) -> None:
        self._private_key = Ed25519PrivateKey.generate()
        self.kid = uuid4().hex

    def jwks(self) -> dict[str, Any]:
        """What auth would publish of this key."""
        jwk: dict[str, Any] = OKPAlgorithm.to_jwk(self._private_key.public_key(), as_dict=True)
        return {"keys": [jwk | {"kid": self.kid, "use": "sig", "alg": ALGORITHM}]}

    def token(
        self,
        role: Role | str = Role.PLAYER,
        person_id: UUID | None = None,
        *,
        expires_in: int = 900,
        **claims: Any,
    ) -> str:
        """An access token; `claims` replace or, with None, remove the usual ones."""
        now = int(time.time())
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(person_id or uuid4()),
            "role": str(role),
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + expires_in,
        } | claims
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not None},
            self._private_key,
            algorithm=ALGORITHM,
            headers={"kid": self.kid},
        )

    def headers(
        self, role: Role | str = Role.PLAYER, person_id: UUID | None = None
    ) -> dict[str, str]:
        """`Authorization` of a person."""
        return bearer(self.token(role, person_id))


def bearer(token: str) -> dict[str, str]:
    """`Authorization` with this token."""
    return {"Authorization": f"Bearer {token}"}


Answer = (
    httpx.Response
    | Exception
    | Callable[[httpx.Request], httpx.Response]
    | Callable[[httpx.Request], Awaitable[httpx.Response]]
)


class RevocationList:
    """Auth's list of revocations, as a test has it. A service knows a change after `await kit.revocations.poll()`."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []

    def note(self, person_id: UUID, *, active: bool, not_before: datetime | None = None) -> None:
        """What auth lists when a person was disabled, was enabled or got another role."""
        moment = (not_before or datetime.now(UTC)).isoformat()
        self._entries.append({"user_id": str(person_id), "active": active, "not_before": moment})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What auth answers to a poller."""
        since = int(request.url.params["since"])
        changes = {"items": self._entries[since:], "next_since": len(self._entries), "more": False}
        return httpx.Response(200, json=changes)


class FakeServices:
    """Fakes of the services that the tested one calls, as an httpx transport.

    A test sets the responses, and reads the calls. A call without a response fails the test. Auth's revocations are
    there from the start; calls that poll them are not recorded.
    """

    def __init__(self) -> None:
        self.calls: list[httpx.Request] = []
        self.revocations = RevocationList()
        self._answers: dict[tuple[str, str], Answer] = {
            ("GET", REVOCATIONS_PATH): self.revocations.answer
        }
        self.transport = httpx.MockTransport(self._handle)

    def on(self, method: str, path: str, answer: Answer) -> None:
        """Set the response of a route: a response, an error to raise, or a function of the request."""
        self._answers[method, path] = answer

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != REVOCATIONS_PATH:
            self.calls.append(request)
        answer = self._answers.get((request.method, request.url.path))
        if answer is None:
            raise AssertionError(f"no test foresaw {request.method} {request.url}")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response is read once; every call gets a fresh one.
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        made = answer(request)
        return made if isinstance(made, httpx.Response) else await made


@contextmanager
def auth_server(revocations: RevocationList) -> Iterator[str]:
    """The address of an auth that answers pollers, which the process of a service needs in order to be ready."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = revocations.answer(httpx.Request("GET", f"http://auth.test{self.path}"))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def described_routes(app: FastAPI, prefix: str) -> dict[str, str]:
    """The routes below a prefix, as `GET /path`, by the names that the description gives them."""
    return {
        operation["operationId"]: f"{method.upper()} {path.removeprefix(prefix)}"
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if path.startswith(prefix)
    }


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose lifespan has begun; every middleware is in place, no socket is."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://cathouse.test"
        ) as client,
    ):
        yield client


@contextmanager
def recorded_events() -> Iterator[list[dict[str, Any]]]:
    """The security events that are logged meanwhile, with all fields of their lines."""
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


@asynccontextmanager
async def recorded_statements(database: Database) -> AsyncIterator[list[str]]:
    """Yield the statements that PostgreSQL gets meanwhile, those that begin and end transactions included."""
    statements: list[str] = []

    def log(query: LoggedQuery) -> None:
        statements.append(query.query)

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def attach(connection: Any, *_: Any) -> None:
        connection.driver_connection.add_query_logger(log)

    def detach(connection: Any, *_: Any) -> None:
        if connection:
            connection.driver_connection.remove_query_logger(log)

    engine = database.engine.sync_engine
    # asyncpg does not log the statements that SQLAlchemy has prepared.
    listeners: dict[str, Callable[..., Any]] = {
        "before_cursor_execute": note,
        "checkout": attach,
        "checkin": detach,
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener, insert=True)
    try:
        yield statements
        await asyncio.sleep(0)  # asyncpg logs after it has returned the rows
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


async def empty_tables(superuser: asyncpg.Connection, schema: str) -> None:
    """Deletes all rows of a schema, but for the history of its migrations."""
    rows = await superuser.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables "
        "where schemaname = $1 and tablename <> 'alembic_version'",
        schema,
    )
    tables = [row["name"] for row in rows]
    # To truncate makes new files, even for a table that is empty: most are.
    filled = " or ".join(f"exists (select from {table})" for table in tables)
    if tables and await superuser.fetchval(f"select {filled}"):
        await superuser.execute(f"truncate {', '.join(tables)} restart identity cascade")


class DatabasePath:
    """The way to a database, on which round trips are counted and bytes can get lost."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._database = (parts.hostname, parts.port)
        self._url = url
        self._connections: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._lost: set[asyncio.StreamWriter] = set()
        self.loses_new_ones = False
        self.url = ""
        self.round_trips = 0
        """How often a client has sent something and so has waited for the server."""

    def lose(self) -> None:
        """From now on nothing comes through on the connections that there are."""
        self._lost.update(self._writers)

    def reset(self) -> None:
        """Break the connections that there are, as a firewall does: with a RST."""
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            writer.transport.abort()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["DatabasePath"]:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._url.replace(f":{self._database[1]}/", f":{port}/")
        if self.url == self._url:
            raise ValueError("the URL must name its port and its database")
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.gather(*self._connections)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_connection(*self._database)
        self._writers += [writer, to_database]
        if self.loses_new_ones:
            self._lost |= {writer, to_database}
        self._connections += [
            asyncio.create_task(self._pump(reader, to_database, counts=True)),
            asyncio.create_task(self._pump(from_database, writer, counts=False)),
        ]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self.round_trips += counts
                if writer not in self._lost:
                    writer.write(data)
                    await writer.drain()
        if writer not in self._lost:
            writer.close()
