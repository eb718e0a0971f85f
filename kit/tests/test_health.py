from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from cathouse_kit.revocations import PATH as REVOCATIONS_PATH
from cathouse_kit.testing import Outside, running
from fastapi import FastAPI
from sqlalchemy import event

from .conftest import MakeApp

HEALTH = ("/health", "/api/v1/health")
READY = ("/health/ready", "/api/v1/health/ready")


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> FastAPI:
    return make_app(database_url=database_url)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def revision(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with which a test changes the revision that the database has; it is set right afterwards."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.execute("update sample.alembic_version set version_num = '0001'")
    await connection.close()


@pytest.mark.parametrize("path", HEALTH)
async def test_health_says_that_the_process_lives_and_asks_nobody(
    path: str, make_app: MakeApp
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it asked the database")

    app = make_app()
    event.listen(app.state.kit.database.engine.sync_engine.pool, "connect", refuse)
    event.listen(app.state.kit.database.engine.sync_engine, "do_connect", refuse)
    async with running(app) as client:
        response = await client.get(path)
    assert response.status_code == 200
    body = response.json()
    timestamp = body.pop("timestamp")
    assert body == {"status": "healthy", "service": "sample", "version": "1.2.3"}
    assert timestamp.endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()) < 10


@pytest.mark.parametrize("path", READY)
async def test_ready_says_how_the_database_and_its_migrations_are(
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


async def test_not_ready_until_auth_has_given_its_revocations_and_ready_on_while_it_is_down(
    make_app: MakeApp, database_url: str, outside: Outside
) -> None:
    outside.on("GET", REVOCATIONS_PATH, httpx.ConnectError("refused"))
    app = make_app(database_url=database_url, transport=outside.transport)
    async with running(app) as client:
        cold = await client.get("/health/ready")
        outside.on("GET", REVOCATIONS_PATH, outside.revocations.answer)
        await app.state.kit.revocations.poll()
        warm = await client.get("/health/ready")
        outside.on("GET", REVOCATIONS_PATH, httpx.ConnectError("refused"))
        await app.state.kit.revocations.poll()
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


async def test_ready_on_a_database_that_an_update_has_migrated_further(
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


async def test_not_ready_from_the_moment_that_the_service_is_told_to_stop(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.kit.lifecycle.drain()
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (503, "not_ready")
    assert response.json()["checks"]["database"]["status"] == "ok"
    assert (await client.get("/health")).status_code == 200
