"""A running PostgreSQL that temporarily refuses: locks, cancelled statements, deadlocks, failovers, full disks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from cathouse_kit.database import Database, DatabaseBusy, DatabaseUnavailable, Session
from cathouse_kit.reads import Read
from cathouse_kit.security import anyone
from cathouse_kit.testing import eventually, running
from fastapi import APIRouter, Depends
from pydantic import SecretStr
from sqlalchemy import Integer, bindparam, column, event, literal, select, table, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncSession

from .conftest import MakeApp

BUSY = "urn:paper:problem:database_busy"
UNAVAILABLE = "urn:paper:problem:database_unavailable"


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of another client. It creates a table with two rows, and a table that fails at the commit."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """
        create table sample.counters (id int primary key, value int not null);
        insert into sample.counters values (1, 0), (2, 0);
        create table sample.late (state text);
        create function sample.fail_late() returns trigger language plpgsql as
            $$ begin raise exception 'late' using errcode = new.state; end $$;
        create constraint trigger late after insert on sample.late
            deferrable initially deferred for each row execute function sample.fail_late();
        """
    )
    yield connection
    await connection.execute(
        "drop table sample.counters; drop table sample.late; drop function sample.fail_late"
    )
    await connection.close()


@pytest.fixture
async def one(database_url: str, other: asyncpg.Connection) -> AsyncIterator[Database]:
    """An engine with one connection, where waits for locks time out at once."""
    url = f"{database_url}?options=-c%20lock_timeout%3D50ms"
    database = Database(SecretStr(url), pool_size=1, application_name="refusals")
    yield database
    await database.close()


def raising(state: str) -> str:
    return f"do $$ begin raise exception 'for a test' using errcode = '{state}'; end $$"


async def execute(database: Database, *statements: str) -> Any:
    async with database.session() as session:
        for statement in statements:
            result: Any = await session.execute(text(statement))
        return result.scalar() if result.returns_rows else None


BUSY_STATES = ["40001", "40P01", "40003", "55006", "55P03", "57014"]
UNAVAILABLE_STATES = [
    *("08000", "08003", "08006", "08P01"),
    *("25006", "25P03", "25P04"),
    *("53000", "53100", "53200", "53300", "53400"),
    *("57000", "57P01", "57P02", "57P03", "57P05"),
    *("58000", "58030"),
]


@pytest.mark.parametrize("at", ["statement", "commit"])
@pytest.mark.parametrize("state", [*BUSY_STATES, *UNAVAILABLE_STATES])
async def test_a_temporary_refusal_is_a_503(state: str, at: str, one: Database) -> None:
    kind = DatabaseBusy if state in BUSY_STATES else DatabaseUnavailable

    async def work() -> None:
        if at == "commit":
            await execute(one, f"insert into sample.late values ('{state}')")
        else:
            await execute(one, raising(state))

    with pytest.raises(DatabaseUnavailable) as refused:
        await work()
    assert type(refused.value) is kind
    assert refused.value.status == 503
    assert refused.value.headers["Retry-After"] == "1"
    assert isinstance(refused.value.__cause__, DBAPIError)
    assert (
        await execute(one, "select 1") == 1
    )  # on the only connection of the pool, or on a new one


@pytest.mark.parametrize("state", ["22003", "23505", "25P02", "0A000", "42P01", "XX000", "P0001"])
async def test_other_errors_of_the_database_are_unchanged(state: str, one: Database) -> None:
    with pytest.raises(DBAPIError):
        await execute(one, raising(state))


async def test_a_value_that_the_driver_refuses_is_an_error_and_the_connection_stays_open(
    one: Database,
) -> None:
    backend = await execute(one, "select pg_backend_pid()")
    async with one.session() as session:
        with pytest.raises(DBAPIError, match="invalid input for query argument"):
            await session.execute(text("select cast(:n as int)"), {"n": 2**70})
    assert await execute(one, "select pg_backend_pid()") == backend


@pytest.fixture
async def client(
    make_app: MakeApp, database_url: str, other: asyncpg.Connection
) -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.post("/count/{counter}")
    async def count(counter: int, session: Session) -> int:
        return await add(session, counter)

    @router.get("/backend")
    async def backend(session: Session) -> int:
        return await session.scalar(text("select pg_backend_pid()")) or 0

    url = f"{database_url}?options=-c%20lock_timeout%3D50ms"
    async with running(make_app(router, database_url=url, database_pool_size=1)) as client:
        yield client


async def add(session: AsyncSession, counter: int) -> int:
    statement = "update sample.counters set value = value + 1 where id = :id returning value"
    return await session.scalar(text(statement), {"id": counter}) or 0


def assert_refused(response: httpx.Response, kind: str) -> None:
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    assert response.json()["type"] == kind
    assert "nothing was changed" not in response.json()["detail"]


async def test_a_row_that_is_locked_for_too_long_is_a_503_and_nothing_is_lost(
    client: httpx.AsyncClient, other: asyncpg.Connection
) -> None:
    async with other.transaction():
        await other.execute("select from sample.counters where id = 1 for update")
        assert_refused(await client.post("/count/1"), BUSY)
        assert (await client.post("/count/2")).json() == 1
    assert (await client.post("/count/1")).json() == 1


async def waiting_backend(other: asyncpg.Connection) -> int:
    """Wait until a process of PostgreSQL waits for a lock of this connection, and return its pid."""
    found: list[int] = []

    async def waits() -> bool:
        pid = await other.fetchval(
            "select pid from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"
        )
        found.extend([pid] if pid else [])
        return bool(found)

    await eventually("a statement to wait for the lock", waits)
    return found[0]


@pytest.mark.parametrize(
    ("function", "kind"),
    [("pg_cancel_backend", DatabaseBusy), ("pg_terminate_backend", DatabaseUnavailable)],
)
async def test_a_statement_that_an_operator_ends_is_a_503(
    function: str, kind: type[DatabaseUnavailable], database: Database, other: asyncpg.Connection
) -> None:
    async with other.transaction():
        await other.execute("select from sample.counters where id = 1 for update")
        task = asyncio.create_task(
            execute(database, "update sample.counters set value = 9 where id = 1")
        )
        await other.fetchval(f"select {function}($1)", await waiting_backend(other))
        with pytest.raises(DatabaseUnavailable) as refused:
            await task
    assert type(refused.value) is kind
    assert await execute(database, "select value from sample.counters where id = 1") == 0


async def test_a_deadlock_is_a_503_for_one_transaction_and_the_other_succeeds(
    database_url: str, other: asyncpg.Connection
) -> None:
    url = f"{database_url}?options=-c%20deadlock_timeout%3D10ms"
    database = Database(SecretStr(url), pool_size=2, application_name="refusals")
    both = asyncio.Barrier(2)

    async def work(first: int, second: int) -> int:
        async with database.session() as session:
            await add(session, first)
            await both.wait()
            return await add(session, second)

    outcomes = await asyncio.gather(work(1, 2), work(2, 1), return_exceptions=True)
    await database.close()
    assert {*map(type, outcomes)} == {DatabaseBusy, int}


async def test_a_serialization_failure_is_a_503_for_one_transaction(
    database_url: str, other: asyncpg.Connection
) -> None:
    url = f"{database_url}?options=-c%20default_transaction_isolation%3Dserializable"
    database = Database(SecretStr(url), pool_size=1, application_name="refusals")

    async def work() -> None:
        async with database.session() as session:
            await session.execute(text("select * from sample.counters"))
            await other.execute("update sample.counters set value = 7 where id = 1")
            await add(session, 1)

    with pytest.raises(DatabaseBusy):
        await work()
    await database.close()


async def test_a_read_only_session_is_refused_once_and_never_used_again(
    client: httpx.AsyncClient, other: asyncpg.Connection
) -> None:
    # As after a failover: the session is on a server that is now a standby, and the host name leads to another server.
    await other.execute(
        "do $$ begin execute format('alter database %I set default_transaction_read_only = on', "
        "current_database()); end $$"
    )
    try:
        stuck = (await client.get("/backend")).json()
        assert_refused(await client.post("/count/1"), UNAVAILABLE)
    finally:
        await other.execute("set default_transaction_read_only = off")
        await other.execute(
            "do $$ begin execute format('alter database %I reset default_transaction_read_only', "
            "current_database()); end $$"
        )
    assert (await client.post("/count/1")).json() == 1
    assert (await client.get("/backend")).json() != stuck


async def test_a_table_that_a_migration_has_changed_is_a_503_once(
    one: Database, other: asyncpg.Connection
) -> None:
    await other.execute("create table sample.changing (name text)")
    try:
        await execute(one, "select * from sample.changing")
        await other.execute("alter table sample.changing add column more int")
        with pytest.raises(DatabaseUnavailable):
            await execute(one, "select * from sample.changing")
        await execute(one, "select * from sample.changing")
    finally:
        await other.execute("drop table sample.changing")


@pytest.mark.parametrize("lost", ["before the commit", "at the commit"])
async def test_a_change_with_an_unknown_commit_is_not_reported_as_undone(
    lost: str, one: Database, other: asyncpg.Connection
) -> None:
    async def work() -> None:
        async with one.session() as session:
            await add(session, 1)
            backend = await session.scalar(text("select pg_backend_pid()"))
            assert await other.fetchval("select pg_terminate_backend($1, 5000)", backend)
            if lost == "before the commit":
                await add(session, 1)

    with pytest.raises(DatabaseUnavailable) as refused:
        await work()
    assert ("may have been saved" in refused.value.detail) == (lost == "at the commit")
    assert "nothing was changed" not in refused.value.detail


async def test_connections_that_fail_every_check_are_reported_as_unavailable(one: Database) -> None:
    """On a busy machine, the check of a new connection can fail like the previous one."""

    def fail(*_: object) -> None:
        raise InvalidatePoolError

    event.listen(one.engine.sync_engine, "checkout", fail)
    with pytest.raises(DatabaseUnavailable):
        async with one.session() as session:
            await session.execute(text("select 1"))
    with pytest.raises(DatabaseUnavailable):
        await one.read(Read(select(literal(1))))
    with pytest.raises(DatabaseUnavailable):
        await one.check_out()
    event.remove(one.engine.sync_engine, "checkout", fail)
    async with one.session() as session:
        assert await session.scalar(text("select 1")) == 1


async def test_a_connection_in_use_at_the_end_is_closed_when_it_is_returned(
    one: Database,
) -> None:
    async with one.session() as session:
        assert await session.scalar(text("select 1")) == 1
        raw = await (await session.connection()).get_raw_connection()
        driver: Any = raw.driver_connection
        await one.close()
        assert not driver.is_closed()
    assert driver.is_closed()


async def test_a_read_with_an_invalid_argument_leaves_no_lock(
    one: Database, other: asyncpg.Connection
) -> None:
    counters = table("counters", column("id", Integer), schema="sample")
    read = Read(select(counters.c.id).where(counters.c.id == bindparam("id", type_=Integer)))
    for too_large in (2**40, 2**80):
        with pytest.raises(DBAPIError):
            await one.read(read, id=too_large)
        async with other.transaction():
            await other.execute("lock table sample.counters in access exclusive mode nowait")
    assert [dict(row) for row in await one.read(read, id=1)] == [{"id": 1}]
