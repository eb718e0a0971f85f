"""PostgreSQL: one bounded pool a process, and sessions that commit before the answer is sent."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request
from pydantic import SecretStr
from sqlalchemy import ExceptionContext, MetaData, event, make_url, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import AsyncAdaptedQueuePool

from cathouse_kit.problems import ServiceUnavailable

CONNECT_SECONDS = 2.0
POOL_WAIT_SECONDS = 5.0
# The roles' statement_timeout, 30 s, ends a statement that takes long, and needs a server that is there. This is for
# one that is not, or that no packet reaches: TCP alone would wait for an answer for ever.
STATEMENT_SECONDS = 35.0

# Constraints get names that do not depend on the server, so that migrations and errors can speak of them.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def service_metadata(schema: str) -> MetaData:
    """The metadata of a service's tables, all in its own schema."""
    return MetaData(schema=schema, naming_convention=NAMING_CONVENTION)


class DatabaseUnavailable(ServiceUnavailable):
    title = "Database unavailable"
    detail = "The database does not answer; nothing was changed. Try again in a moment."


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's signature
        # Without a limit, asyncpg waits for a silent server to say goodbye, or to take note of a statement given up.
        # What it could not close by then it has aborted.
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await super().close(timeout=timeout)


class Database:
    """The engine and the session maker of one process. Nothing is opened before the first query."""

    def __init__(
        self,
        url: SecretStr,
        *,
        pool_size: int,
        application_name: str,
        statement_seconds: float | None = STATEMENT_SECONDS,
        debug: bool = False,
    ) -> None:
        """`statement_seconds` is how long a statement is waited for; None, without end, is for migrations and commands,
        whose statements may rightly take long."""
        dsn = url.get_secret_value()

        async def connect() -> asyncpg.Connection:
            try:
                return await asyncpg.connect(
                    dsn,
                    timeout=CONNECT_SECONDS,
                    command_timeout=statement_seconds,
                    connection_class=_Connection,
                    server_settings={"application_name": application_name, "timezone": "UTC"},
                )
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,  # it starts, it is full, it does not know the role or the database
                asyncpg.InterfaceError,  # the URL has parameters that mean nothing
            ) as error:
                raise DatabaseUnavailable from error

        self.engine: AsyncEngine = create_async_engine(
            make_url(dsn).set(drivername="postgresql+asyncpg"),
            async_creator=connect,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            echo=debug,
            hide_parameters=True,
        )
        event.listen(self.engine.sync_engine, "checkout", _check_that_it_answers)
        event.listen(self.engine.sync_engine, "handle_error", _hide_values)
        event.listen(self.engine.sync_engine, "handle_error", _give_up_a_silent_connection)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._autocommitting = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.pool_size = pool_size

    @property
    def connections_in_use(self) -> int:
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, AsyncAdaptedQueuePool) else 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end of the block, and rolls back where the block raises.

        Raises `DatabaseUnavailable` where PostgreSQL does not answer, or goes away in the middle.
        """
        with _unavailable_when_down():
            async with self.sessions() as session:
                yield session
                await session.commit()

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which every statement is a transaction of its own, committed when it returns. Raises as
        `session` does."""
        with _unavailable_when_down():
            async with self._autocommitting.connect() as connection:
                yield connection

    @asynccontextmanager
    async def probe(self) -> AsyncIterator[tuple[AsyncConnection, float]]:
        """A connection, and how many milliseconds a round trip on it took. Raises `TimeoutError` where the block takes
        longer than a connection may, and whatever keeps it from being made."""
        async with asyncio.timeout(CONNECT_SECONDS), self.engine.connect() as connection:
            started = time.perf_counter()
            await connection.execute(text("select 1"))
            yield connection, round((time.perf_counter() - started) * 1000, 2)

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def _unavailable_when_down() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailable("All connections to the database are busy; try again.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable from error
        raise


def _check_that_it_answers(connection: Any, _record: Any, _proxy: Any) -> None:
    """Has the pool replace its connections where the one to be used has been cut, or has gone silent, since its last
    use."""
    # Not the pool's own ping: that would wait for as long as a statement may take, and makes a transaction of its own.
    connection.run_async(_answer)


async def _answer(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("select 1", timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        connection.terminate()
        raise InvalidatePoolError from error


def _give_up_a_silent_connection(context: Any) -> DatabaseUnavailable | None:
    # An ExceptionContext; up to 2.0.50, SQLAlchemy's types do not let its `is_disconnect` be set.
    if not isinstance(context.original_exception, TimeoutError):
        return None
    context.is_disconnect = True
    return DatabaseUnavailable()


_QUOTED_ARGUMENT = re.compile(r"(invalid input for query argument \$\d+): .*", re.DOTALL)


def _hide_values(context: ExceptionContext) -> None:
    # PostgreSQL quotes whole rows in an error's details, and asyncpg the arguments of a statement: what
    # hide_parameters keeps out of the logs would come back there, password hashes and keys included.
    wrapped = context.original_exception
    source = wrapped.__cause__
    with_details = without_details = str(source)
    if isinstance(source, asyncpg.PostgresError):
        source.detail = None
        without_details = str(source)
    for error in (source, wrapped, context.sqlalchemy_exception):
        if error is not None:
            error.args = tuple(
                _QUOTED_ARGUMENT.sub(r"\1", arg.replace(with_details, without_details))
                if isinstance(arg, str)
                else arg
                for arg in error.args
            )


async def database_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for one request: committed when the route returned, rolled back when it raised."""
    database: Database = request.app.state.kit.database
    async with database.session() as session:
        yield session


# scope="function": the session ends, and so commits, before the answer is sent. With FastAPI's default the answer
# would be sent first, and a commit that fails would go unnoticed.
Session = Annotated[AsyncSession, Depends(database_session, scope="function")]
"""What a route declares to get a session."""
