"""A connection that is kept for writes: one round trip each, and the same errors as a session."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery
from cathouse_kit import held_connection as held_module
from cathouse_kit.database import Database, DatabaseBusy, DatabaseUnavailable
from cathouse_kit.held_connection import HeldConnection
from cathouse_kit.testing import DatabasePath
from pydantic import SecretStr

from .support import DEADLINE_SECONDS
from .test_refusals import BUSY_STATES, UNAVAILABLE_STATES, raising
from .test_silent_database import path

__all__ = ["path"]

INSERT = "insert into sample.things values ($1) on conflict do nothing"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A second connection, and a table that is emptied afterwards."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.execute("truncate sample.things")
    await connection.close()


@pytest.fixture
async def held(database_url: str) -> AsyncIterator[HeldConnection]:
    database = Database(SecretStr(database_url), pool_size=1, application_name="held")
    held = HeldConnection(database)
    yield held
    await held.close()
    assert database.connections_in_use == 0
    await database.close()


async def names(connection: asyncpg.Connection) -> set[str]:
    return {row["name"] for row in await connection.fetch("select name from sample.things")}


async def test_a_write_is_one_round_trip_and_committed(
    held: HeldConnection, connection: asyncpg.Connection
) -> None:
    await held.write(INSERT, "a")
    ran: list[LoggedQuery] = []
    assert held._held is not None
    held._held[1].add_query_logger(ran.append)
    await held.write(INSERT, "b")
    await held.write(INSERT, "c")
    await asyncio.sleep(0)
    assert [query.query for query in ran] == [INSERT, INSERT]
    assert await names(connection) == {"a", "b", "c"}


async def test_the_pool_counts_it_until_it_is_closed(database_url: str) -> None:
    database = Database(SecretStr(database_url), pool_size=2, application_name="held")
    held = HeldConnection(database)
    for _ in range(3):
        await held.write("select 1")
        assert database.connections_in_use == 1
    await held.close()
    assert database.connections_in_use == 0
    await database.close()


@pytest.mark.parametrize("state", [*BUSY_STATES, *UNAVAILABLE_STATES])
async def test_a_temporary_refusal_is_a_503(state: str, held: HeldConnection) -> None:
    kind = DatabaseBusy if state in BUSY_STATES else DatabaseUnavailable
    with pytest.raises(DatabaseUnavailable) as refused:
        await held.write(raising(state))
    assert type(refused.value) is kind
    await held.write("select 1")


async def test_other_errors_are_unchanged_and_quote_no_value(held: HeldConnection) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await held.write("insert into nowhere values ($1)", "secret")
    with pytest.raises(asyncpg.DataError) as refused:
        await held.write("select $1::int", "secret")
    assert "secret" not in str(refused.value)
    with pytest.raises(asyncpg.NotNullViolationError) as quoting:
        await held.write("insert into sample.things values (null)")
    assert "null" not in (quoting.value.detail or "")
    await held.write("select 1")


async def test_a_connection_that_was_cut_is_replaced(
    held: HeldConnection, connection: asyncpg.Connection
) -> None:
    for name in "abc":
        await held.write(INSERT, name)
        assert await connection.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'held' and datname = current_database()"
        )
    await held.write(INSERT, "d")
    assert await names(connection) == set("abcd")


@pytest.mark.parametrize("keep_seconds", [0.0, 60.0], ids=["idle", "in the middle of a write"])
@pytest.mark.parametrize("for_good", [False, True], ids=["one connection", "for good"])
async def test_a_silent_connection_is_replaced(
    keep_seconds: float, for_good: bool, path: DatabasePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_module, "_FIRST_ATTEMPT_SECONDS", 0.3)
    monkeypatch.setattr(held_module, "_KEEP_SECONDS", keep_seconds)
    # The time limit of a statement is much longer than this test waits.
    database = Database(SecretStr(path.url), pool_size=1, application_name="held")
    held = HeldConnection(database)
    await held.write("select 1")
    path.loses_new_ones = for_good
    path.lose()
    async with asyncio.timeout(DEADLINE_SECONDS):
        if for_good:
            with pytest.raises(DatabaseUnavailable):
                await held.write("select 1")
            path.loses_new_ones = False
        await held.write("select 1")
        await held.close()
        await database.close()


async def test_a_write_with_an_invalid_argument_leaves_no_lock(
    held: HeldConnection, connection: asyncpg.Connection
) -> None:
    with pytest.raises(asyncpg.DataError):
        await held.write(
            "update sample.things set name = name where length(name) = $1::int", "no number"
        )
    async with connection.transaction():
        await connection.execute("lock table sample.things in access exclusive mode nowait")
