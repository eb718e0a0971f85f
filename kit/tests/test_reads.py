"""`Database.read`, and the round trips of each kind of query."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from cathouse_kit import database as database_module
from cathouse_kit.database import Database, DatabaseBusy, DatabaseUnavailable
from cathouse_kit.reads import Read
from cathouse_kit.testing import DatabasePath
from pydantic import SecretStr
from sqlalchemy import Integer, PickleType, bindparam, column, func, literal, select, table, text
from sqlalchemy.exc import DBAPIError

from .conftest import Logged
from .support import DEADLINE_SECONDS


@pytest.fixture
async def path(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DatabasePath]:
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 0.3)
    async with DatabasePath(database_url).open() as path:
        yield path


@pytest.fixture
async def far(path: DatabasePath) -> AsyncIterator[Database]:
    """An engine with one connection, through the observed path."""
    database = Database(SecretStr(path.url), pool_size=1, application_name="far")
    yield database
    await database.close()


ONE = Read(select(literal(1, Integer).label("one")))


async def one(database: Database) -> int:
    async with asyncio.timeout(DEADLINE_SECONDS):
        (row,) = await database.read(ONE)
    number: int = row["one"]
    return number


async def test_rows_are_mappings_and_parameters_are_named(database: Database) -> None:
    double = Read(select((bindparam("number", type_=Integer) * 2).label("twice")))
    assert [dict(row) for row in await database.read(double, number=21)] == [{"twice": 42}]


async def test_a_read_is_one_round_trip(far: Database, path: DatabasePath) -> None:
    await one(far)  # prepares the statement
    path.round_trips = 0
    await one(far)
    assert path.round_trips == 1


async def test_a_session_costs_two_round_trips_in_addition_to_its_statements(
    far: Database, path: DatabasePath
) -> None:
    for _ in ("prepares the statements", "is counted"):
        path.round_trips = 0
        async with far.session() as session:
            await session.execute(text("select 1"))
            await session.execute(text("select 2"))
    assert path.round_trips == 2 + 2


async def test_a_silent_connection_is_replaced(far: Database, path: DatabasePath) -> None:
    assert await one(far) == 1
    path.lose()
    assert await one(far) == 1


async def test_a_connection_that_was_cut_is_replaced(far: Database, path: DatabasePath) -> None:
    assert await one(far) == 1
    path.reset()
    assert await one(far) == 1


async def test_a_permanently_silent_database_is_unavailable(
    far: Database, path: DatabasePath
) -> None:
    assert await one(far) == 1
    path.loses_new_ones = True
    path.lose()
    with pytest.raises(DatabaseUnavailable):
        await one(far)
    assert far.connections_in_use == 0


async def test_a_read_that_takes_longer_than_the_check_is_repeated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 0.3)
    slow = Read(select(func.pg_sleep(0.5), literal(1, Integer).label("one")))
    (row,) = await database.read(slow)
    assert row["one"] == 1
    assert database.connections_in_use == 0


async def test_a_cancelled_read_closes_its_connection(database: Database) -> None:
    slow = Read(select(func.pg_sleep(60).label("slept")))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.read(slow)
    assert database.connections_in_use == 0
    assert await one(database) == 1


async def test_errors_are_those_of_other_queries_and_quote_no_values(
    database: Database, logged: Logged
) -> None:
    divided = Read(select((1 / bindparam("by", type_=Integer)).label("quotient")))
    with pytest.raises(DBAPIError, match="division by zero"):
        await database.read(divided, by=0)
    with pytest.raises(DBAPIError) as raised:
        await database.read(divided, by="hunter2")
    assert "hunter2" not in str(raised.value)
    assert database.connections_in_use == 0


async def test_a_held_lock_gives_database_busy(database: Database, database_url: str) -> None:
    holder = await asyncpg.connect(database_url)
    await holder.execute("insert into sample.things values ('held')")
    await holder.execute("begin; select * from sample.things for update")
    things = table("things", column("name"), schema="sample")
    with pytest.raises(DatabaseBusy):
        await database.read(Read(select(things.c.name).with_for_update(nowait=True)))
    await holder.execute("rollback; truncate sample.things")
    await holder.close()


def test_a_column_that_sqlalchemy_converts_is_refused() -> None:
    with pytest.raises(ValueError, match="read it with a session"):
        Read(select(column("size", PickleType)))
