import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from cathouse_kit.testing import FakeServices, running
from fastapi import FastAPI
from sqlalchemy import event, text

from .conftest import MakeApp
from .sample_platform import PLATFORM
from .support import NO_DATABASE

HEALTH = ("/health", "/api/v1/health")
READY = ("/health/ready", "/api/v1/health/ready")
STARTED = ("/health/started", "/api/v1/health/started")


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> FastAPI:
    return make_app(database_url=database_url)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def revision(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to change the revision of the database. The revision is restored after the test."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.execute("update sample.alembic_version set version_num = '0001'")
    await connection.close()


@pytest.mark.parametrize("path", HEALTH)
async def test_health_reports_that_the_process_is_alive_without_io(
    path: str, make_app: MakeApp
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it used the database")

    app = make_app()
    event.listen(app.state.context.database.engine.sync_engine.pool, "connect", refuse)
    event.listen(app.state.context.database.engine.sync_engine, "do_connect", refuse)
    async with running(app) as client:
        response = await client.get(path)
    assert response.status_code == 200
    body = response.json()
    timestamp = body.pop("timestamp")
    assert body == {"status": "healthy", "service": "sample", "version": "1.2.3"}
    assert timestamp.endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()) < 10


@pytest.mark.parametrize("path", READY)
async def test_ready_reports_the_database_and_its_migrations(
    path: str, client: httpx.AsyncClient
) -> None:
    response = await client.get(path)
    body = response.json()
    assert 0 < body["checks"]["database"].pop("latency_ms") < 2000
    assert body["checks"]["revocations"].pop("age_seconds") >= 0
    assert response.status_code == 200
    assert body == {
        "status": "ready",
        "service": "sample",
        "checks": {
            "database": {"status": "ok"},
            "migrations": {"status": "ok", "current": "0001", "head": "0001"},
            "revocations": {"status": "ok"},
        },
    }


@pytest.mark.parametrize("path", READY)
async def test_not_ready_while_the_database_is_down(path: str, make_app: MakeApp) -> None:
    async with running(make_app()) as client:
        response = await client.get(path)
    assert response.status_code == 503
    body = response.json()
    assert body["checks"]["revocations"].pop("age_seconds") >= 0
    assert body == {
        "status": "not_ready",
        "service": "sample",
        "checks": {
            "database": {"status": "failed", "latency_ms": None},
            "migrations": {"status": "unknown", "current": None, "head": "0001"},
            "revocations": {"status": "ok"},
        },
    }


async def test_not_ready_until_auth_has_returned_its_revocations_but_ready_while_auth_is_down_later(
    make_app: MakeApp, database_url: str, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    app = make_app(database_url=database_url, transport=fake_services.transport)
    async with running(app) as client:
        cold = await client.get("/health/ready")
        fake_services.on(
            "GET", PLATFORM.identity.revocations_path, fake_services.revocations.answer
        )
        await app.state.context.revocations.poll()
        warm = await client.get("/health/ready")
        fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
        await app.state.context.revocations.poll()
        down = await client.get("/health/ready")
    assert (cold.status_code, warm.status_code, down.status_code) == (503, 200, 200)
    assert cold.json()["checks"]["revocations"]["status"] == "unknown"
    assert down.json()["checks"]["revocations"]["status"] == "ok"


async def test_not_ready_before_the_first_migration(make_app: MakeApp, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("alter table sample.alembic_version rename to elsewhere")
    try:
        async with running(make_app(database_url=database_url)) as client:
            response = await client.get("/health/ready")
    finally:
        await connection.execute("alter table sample.elsewhere rename to alembic_version")
        await connection.close()
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert checks["database"]["status"] == "ok"
    assert checks["migrations"] == {"status": "pending", "current": None, "head": "0001"}


async def test_not_ready_while_a_migration_is_pending(
    client: httpx.AsyncClient, revision: asyncpg.Connection
) -> None:
    await revision.execute("update sample.alembic_version set version_num = '0000'")
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"] == {
        "status": "pending",
        "current": "0000",
        "head": "0001",
    }


async def test_ready_with_a_database_that_is_newer_than_the_package(
    client: httpx.AsyncClient, revision: asyncpg.Connection
) -> None:
    await revision.execute("update sample.alembic_version set version_num = '0002'")
    response = await client.get("/health/ready")
    assert response.status_code == 200
    assert response.json()["checks"]["migrations"] == {
        "status": "ok",
        "current": "0002",
        "head": "0001",
    }


async def test_not_ready_after_the_signal_to_stop(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.context.lifecycle.drain()
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (503, "not_ready")
    assert response.json()["checks"]["database"]["status"] == "ok"
    assert (await client.get("/health")).status_code == 200


async def test_ready_while_requests_hold_every_connection_and_more_wait(
    make_app: MakeApp, database_url: str
) -> None:
    app = make_app(database_url=database_url, database_pool_size=1)
    async with running(app) as client:
        async with app.state.context.database.engine.connect():
            waiting = asyncio.create_task(client.get("/api/v1/sample/database"))
            for path in (*READY, *STARTED):
                assert (await client.get(path)).status_code == 200
            assert not waiting.done()
        assert (await waiting).status_code == 200


async def test_simultaneous_checks_share_one_connection_and_one_lookup(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    queries: list[str] = []
    engine = app.state.context.database._probe_engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *seen: queries.append(seen[2]))
    responses = await asyncio.gather(*(client.get("/health/ready") for _ in range(50)))
    assert {response.status_code for response in responses} == {200}
    assert engine.pool.checkedin() == 1
    assert len(queries) == len(set(queries))


async def test_a_client_that_disconnects_does_not_end_the_check_of_others(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    engine = app.state.context.database._probe_engine
    async with engine.connect():
        first = asyncio.create_task(client.get("/health/ready"))
        second = asyncio.create_task(client.get("/health/ready"))
        for _ in range(20):
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    assert (await second).status_code == 200


async def test_not_ready_with_a_read_only_server_and_ready_when_it_accepts_writes(
    make_app: MakeApp, database_url: str
) -> None:
    app = make_app(database_url=database_url, database_pool_size=1)
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("select quote_ident(current_database())")

    async def backend() -> int:
        async with app.state.context.database.session() as session:
            pid: int = await session.scalar(text("select pg_backend_pid()"))
            return pid

    try:
        await connection.execute(f"alter database {name} set default_transaction_read_only = on")
        async with running(app) as client:
            stuck = await backend()
            assert await backend() == stuck
            response = await client.get("/health/ready")
            assert response.status_code == 503
            assert response.json()["checks"]["database"]["status"] == "failed"
            await connection.execute("set default_transaction_read_only = off")
            await connection.execute(f"alter database {name} reset default_transaction_read_only")
            assert (await client.get("/health/ready")).status_code == 200
            # The sessions of the pool are on the same server.
            assert await backend() != stuck
    finally:
        await connection.execute("set default_transaction_read_only = off")
        await connection.execute(f"alter database {name} reset default_transaction_read_only")
        await connection.close()


@pytest.mark.parametrize("path", STARTED)
async def test_started_after_it_has_been_ready_once(
    path: str, app: FastAPI, client: httpx.AsyncClient, revision: asyncpg.Connection
) -> None:
    await revision.execute("update sample.alembic_version set version_num = '0000'")
    response = await client.get(path)
    assert (response.status_code, response.json()) == (
        503,
        {"status": "starting", "service": "sample"},
    )
    await revision.execute("update sample.alembic_version set version_num = '0001'")
    response = await client.get(path)
    assert (response.status_code, response.json()) == (
        200,
        {"status": "started", "service": "sample"},
    )
    # Readiness, not startup, reports later failures.
    await revision.execute("update sample.alembic_version set version_num = '0000'")
    app.state.context.lifecycle.drain()
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get(path)).status_code == 200


async def test_readiness_counts_as_a_start_too(app: FastAPI, client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/ready")).status_code == 200
    await app.state.context.database.close()
    assert (await client.get("/health/started")).status_code == 200


async def test_a_replica_without_its_database_has_not_started(make_app: MakeApp) -> None:
    async with running(make_app(database_url=NO_DATABASE)) as client:
        assert (await client.get("/health/started")).status_code == 503
        assert (await client.get("/health")).status_code == 200


async def test_a_ready_replica_has_a_connection_for_the_first_request(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    pool = app.state.context.database.engine.pool
    assert pool.checkedin() == 0
    for _ in range(2):
        assert (await client.get("/health/ready")).status_code == 200
        assert pool.checkedin() == 1
