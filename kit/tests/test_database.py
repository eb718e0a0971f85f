import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest
from cathouse_kit import database as database_module
from cathouse_kit.database import Database, DatabaseUnavailable, Session
from cathouse_kit.security import anyone
from cathouse_kit.testing import eventually, running
from fastapi import APIRouter, Depends, FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from .conftest import Logged, MakeApp

UNAVAILABLE = "urn:paper:problem:database_unavailable"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection outside the service's pool, and a table that is emptied afterwards."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "create table sample.deferred (name text unique deferrable initially deferred)"
    )
    yield connection
    await connection.execute("drop table sample.deferred; truncate sample.things")
    await connection.close()


class Gate:
    """Blocks a route in the middle until the test releases it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.backend = 0

    async def pass_through(self) -> None:
        self.reached.set()
        await self.open.wait()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def start(
    make_app: MakeApp, database_url: str, connection: asyncpg.Connection, gate: Gate
) -> Callable[..., FastAPI]:
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.post("/things/{name}", status_code=201)
    async def make(name: str, session: Session) -> str:
        await session.execute(text("insert into sample.things values (:name)"), {"name": name})
        return name

    @router.post("/fails/{name}")
    async def fail(name: str, session: Session) -> None:
        await make(name, session)
        raise RuntimeError("after the insert")

    @router.post("/deferred/{name}", status_code=201)
    async def make_deferred(name: str, session: Session) -> str:
        await session.execute(text("insert into sample.deferred values (:name)"), {"name": name})
        return name

    @router.post("/held/{name}", status_code=201)
    async def hold(name: str, session: Session, again: bool = False) -> str:
        gate.backend = await session.scalar(text("select pg_backend_pid()")) or 0
        await make(name, session)
        await gate.pass_through()
        if again:
            await make(f"{name} again", session)
        return name

    @router.get("/one")
    async def one(session: Session) -> int:
        return await session.scalar(text("select 1")) or 0

    def app(**settings: object) -> FastAPI:
        return make_app(router, **{"database_url": database_url} | settings)

    return app


@pytest.fixture
async def client(start: Callable[..., FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with running(start(database_pool_size=1)) as client:
        yield client


async def names(connection: asyncpg.Connection) -> set[str]:
    return {row["name"] for row in await connection.fetch("select name from sample.things")}


async def test_a_change_with_a_2xx_response_is_visible_to_all(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    assert (await client.post("/things/tom")).status_code == 201
    assert await names(connection) == {"tom"}


async def test_the_transaction_ends_before_the_response_begins(
    start: Callable[..., FastAPI], connection: asyncpg.Connection
) -> None:
    app = start()
    seen: list[set[str]] = []

    async def watching(scope: object, receive: object, send: Callable[..., object]) -> None:
        async def watch(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                seen.append(await names(connection))
            await send(message)  # type: ignore[misc]

        await app(scope, receive, watch)  # type: ignore[arg-type]

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(watching), base_url="http://t") as client,
    ):
        await client.post("/things/tom")
    assert seen == [{"tom"}]


async def test_a_failed_commit_gives_no_2xx_response(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    assert (await client.post("/deferred/tom")).status_code == 201
    response = await client.post("/deferred/tom")
    assert response.status_code == 500
    assert response.json()["type"] == "urn:paper:problem:internal_error"
    assert await connection.fetchval("select count(*) from sample.deferred") == 1
    assert (await client.get("/one")).status_code == 200


async def test_a_route_that_raises_is_rolled_back(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    assert (await client.post("/fails/tom")).status_code == 500
    assert await names(connection) == set()
    assert (await client.get("/one")).status_code == 200


async def test_a_cancelled_request_is_rolled_back(
    client: httpx.AsyncClient, connection: asyncpg.Connection, gate: Gate
) -> None:
    request = asyncio.create_task(client.post("/held/tom"))
    await gate.reached.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert await names(connection) == set()
    assert (await client.get("/one")).status_code == 200  # on the pool's only connection


async def test_a_database_that_is_down_is_a_503_with_the_reason_in_the_log(
    make_app: MakeApp, logged: Logged
) -> None:
    async with running(make_app()) as client:
        response = await client.get("/api/v1/sample/database")
    assert response.status_code == 503
    assert response.json()["type"] == UNAVAILABLE
    reason, request = logged()
    assert reason["message"].startswith("Database unavailable: ConnectionRefusedError(111")
    assert reason["request_id"] == request["request_id"] == response.json()["request_id"]


@pytest.mark.parametrize(
    "change",
    ["{}_that_is_not_there", "{}?options=-c%20nonsense%3D1", "{}?sslmode=require"],
)
async def test_a_database_that_refuses_connections_is_a_503(
    change: str, start: Callable[..., FastAPI], database_url: str
) -> None:
    async with running(start(database_url=change.format(database_url))) as client:
        response = await client.get("/one")
    assert response.status_code == 503
    assert response.json()["type"] == UNAVAILABLE


async def test_an_exhausted_pool_is_a_503(
    start: Callable[..., FastAPI], gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "POOL_WAIT_SECONDS", 0.05)
    async with running(start(database_pool_size=1)) as client:
        held = asyncio.create_task(client.post("/held/tom"))
        await gate.reached.wait()
        response = await client.get("/one")
        gate.open.set()
        assert (await held).status_code == 201
        assert (await client.get("/one")).status_code == 200
    assert response.status_code == 503
    assert response.json()["type"] == "urn:paper:problem:database_busy"
    assert response.json()["detail"] == (
        "All connections to the database are busy. Try again after the seconds in the Retry-After header."
    )


@pytest.mark.parametrize("again", [True, False], ids=["at the next statement", "at the commit"])
async def test_a_connection_that_is_cut_during_a_request_is_a_503_and_the_next_request_works(
    again: bool, client: httpx.AsyncClient, connection: asyncpg.Connection, gate: Gate
) -> None:
    request = asyncio.create_task(client.post("/held/tom", params={"again": again}))
    await gate.reached.wait()
    assert await connection.fetchval("select pg_terminate_backend($1, 5000)", gate.backend)
    gate.open.set()
    response = await request
    assert response.status_code == 503
    assert response.json()["type"] == UNAVAILABLE
    assert await names(connection) == set()
    assert (await client.post("/things/tom")).status_code == 201


async def test_an_idle_connection_that_was_cut_is_replaced_without_an_error(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    assert (await client.get("/one")).status_code == 200
    assert await connection.fetch(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where application_name = 'sample' and datname = current_database()"
    )
    assert (await client.get("/one")).status_code == 200


async def test_an_idle_connection_that_is_cut_at_any_time_is_replaced_without_an_error(
    database_url: str, connection: asyncpg.Connection
) -> None:
    # The server's message at the end of a session may arrive before, during or after the check of the connection.
    database = Database(SecretStr(database_url), pool_size=1, application_name="cut")
    for _ in range(100):
        async with database.session() as session:
            assert await session.scalar(text("select 1")) == 1
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'cut' and datname = current_database()"
        )
    await database.close()


async def test_a_session_outside_of_a_request_has_the_same_guarantees(
    database: Database, connection: asyncpg.Connection
) -> None:
    insert = text("insert into sample.things values ('tom')")

    async def fail() -> None:
        async with database.session() as session:
            await session.execute(insert)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await names(connection) == set()
    async with database.session() as session:
        await session.execute(insert)
    assert await names(connection) == {"tom"}


async def test_times_are_utc_and_connections_have_the_name_of_the_service(
    database: Database,
) -> None:
    async with database.session() as session:
        assert await session.scalar(text("show timezone")) == "UTC"
        assert await session.scalar(text("show application_name")) == "kit tests"


async def test_no_connection_is_open_before_the_first_query_and_after_closing(
    start: Callable[..., FastAPI], connection: asyncpg.Connection
) -> None:
    async def connections() -> int:
        count: int = await connection.fetchval(
            "select count(*) from pg_stat_activity "
            "where application_name = 'sample' and datname = current_database()"
        )
        return count

    app = start()
    async with app.router.lifespan_context(app):
        assert await connections() == 0
        async with app.state.context.database.session() as session:
            await session.connection()
        assert await connections() == 1

    async def closed() -> bool:
        return await connections() == 0

    await eventually("the connection to be closed", closed)


async def test_connecting_to_a_silent_server_has_a_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 0.1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = Database(
            SecretStr(f"postgresql://u:p@127.0.0.1:{port}/d"), pool_size=1, application_name="x"
        )
        with pytest.raises(DatabaseUnavailable):
            async with database.session() as session:
                await session.connection()
        await database.close()
