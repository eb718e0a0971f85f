"""A database that becomes silent, such as after a failure of its node or of a route. TCP alone does not detect it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from cathouse_kit import database as database_module
from cathouse_kit.cli import with_database
from cathouse_kit.database import Database, DatabaseUnavailable
from cathouse_kit.testing import DatabasePath, running
from pydantic import SecretStr
from sqlalchemy import text

from .conftest import MakeApp
from .support import DEADLINE_SECONDS, TOKEN, running_package

ONE = "/api/v1/sample/database"


@pytest.fixture
async def path(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DatabasePath]:
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 0.3)
    async with DatabasePath(database_url).open() as path:
        yield path


@pytest.fixture
async def database(path: DatabasePath) -> AsyncIterator[Database]:
    """An engine with one connection through the observed path, and a time limit for statements below a second."""
    database = Database(
        SecretStr(path.url), pool_size=1, application_name="silence", statement_seconds=0.5
    )
    yield database
    await database.close()


async def one(database: Database) -> int:
    async with asyncio.timeout(DEADLINE_SECONDS), database.session() as session:
        return await session.scalar(text("select 1")) or 0


async def test_an_idle_connection_that_became_silent_is_replaced(
    make_app: MakeApp, path: DatabasePath
) -> None:
    # The service waits for a statement much longer than this test waits for a response.
    async with running(make_app(database_url=SecretStr(path.url), database_pool_size=1)) as client:
        assert (await client.get(ONE)).status_code == 200
        path.lose()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await client.get(ONE)).status_code == 200


async def test_a_permanently_silent_database_is_a_503(
    make_app: MakeApp, path: DatabasePath
) -> None:
    async with running(make_app(database_url=SecretStr(path.url), database_pool_size=1)) as client:
        assert (await client.get(ONE)).status_code == 200
        path.loses_new_ones = True
        path.lose()
        async with asyncio.timeout(DEADLINE_SECONDS):
            response = await client.get(ONE)
            assert (await client.get("/health/ready")).status_code == 503
    assert response.status_code == 503
    assert response.json()["type"] == "urn:paper:problem:database_unavailable"


@pytest.mark.parametrize("last", ["statement", "commit"])
@pytest.mark.parametrize("for_good", [False, True], ids=["one connection", "for good"])
async def test_a_statement_without_a_response_closes_its_connection(
    last: str, for_good: bool, database: Database, path: DatabasePath
) -> None:
    async def work() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), database.session() as session:
            await session.execute(text("select 1"))
            path.loses_new_ones = for_good
            path.lose()
            if last == "statement":
                await session.execute(text("select 2"))

    with pytest.raises(DatabaseUnavailable) as raised:
        await work()
    assert isinstance(raised.value.__cause__, TimeoutError)
    assert database.connections_in_use == 0
    path.loses_new_ones = False
    assert await one(database) == 1


async def test_a_statement_that_is_cancelled_while_the_database_is_silent_ends(
    path: DatabasePath,
) -> None:
    database = Database(SecretStr(path.url), pool_size=1, application_name="silence")

    async def work() -> None:
        async with database.session() as session:
            await session.execute(text("select 1"))
            path.loses_new_ones = True
            path.lose()
            async with asyncio.timeout(0.1):
                await session.execute(text("select 2"))

    async with asyncio.timeout(DEADLINE_SECONDS) as in_vain:
        with pytest.raises(TimeoutError):
            await work()
    assert not in_vain.expired()
    path.loses_new_ones = False
    assert await one(database) == 1
    await database.close()


async def test_a_pool_with_a_silent_connection_can_be_closed(path: DatabasePath) -> None:
    database = Database(
        SecretStr(path.url), pool_size=1, application_name="silence", statement_seconds=None
    )
    assert await one(database) == 1
    path.lose()
    async with asyncio.timeout(DEADLINE_SECONDS) as in_vain:
        await database.close()
    assert not in_vain.expired()


@pytest.mark.parametrize("last", ["statement", "commit"])
async def test_a_reset_connection_is_closed(
    last: str, database: Database, path: DatabasePath
) -> None:
    async def work() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), database.session() as session:
            await session.execute(text("select 1"))
            path.reset()
            if last == "statement":
                await session.execute(text("select 2"))

    with pytest.raises(DatabaseUnavailable) as raised:
        await work()
    assert ("may have been saved" in raised.value.detail) == (last == "commit")
    assert database.connections_in_use == 0
    assert await one(database) == 1


async def test_a_time_limit_of_a_route_is_not_reported_as_a_database_error(
    database: Database,
) -> None:
    async def work() -> None:
        async with database.session() as session:
            await session.execute(text("select 1"))
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await work()
    assert await one(database) == 1


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record the time limit for statements of each new connection."""
    seen: list[Any] = []
    connect: Callable[..., Any] = asyncpg.connect

    async def note(*arguments: Any, **options: Any) -> asyncpg.Connection:
        seen.append(options["command_timeout"])
        return await connect(*arguments, **options)

    monkeypatch.setattr(asyncpg, "connect", note)
    return seen


async def test_a_service_waits_slightly_longer_than_the_statement_timeout(
    make_app: MakeApp, database_url: str, limits: list[Any]
) -> None:
    async with running(make_app(database_url=SecretStr(database_url))) as client:
        assert (await client.get(ONE)).status_code == 200
    assert limits == [35.0]


def test_a_command_waits_for_its_statements_without_a_limit(
    tmp_path: Any, database_url: str, limits: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    running_package(tmp_path, "cathouse_patient")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
    assert with_database("cathouse_patient", one) == 1
    assert limits == [None]
