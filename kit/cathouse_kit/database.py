"""PostgreSQL: one bounded pool a process, and sessions that commit before the answer is sent.

A server that is not there, or that refuses for a moment, is a `DatabaseUnavailable`: a problem with status 503. Nothing
is repeated here, because only the caller knows what may be: services repeat idempotent calls, and so may clients.
"""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request
from pydantic import SecretStr
from sqlalchemy import ExceptionContext, MetaData, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import AsyncAdaptedQueuePool

from cathouse_kit.database_url import parse_database_url
from cathouse_kit.problems import ServiceUnavailable
from cathouse_kit.reads import Read

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


# SQLSTATE (PostgreSQL manual, appendix A), by their beginnings.
# The session is well, and the same statement may succeed later: a conflict with another transaction, a lock that is
# held, a statement that was cancelled or took too long.
_BUSY = ("40", "55006", "55P03", "57014")
# The server cannot do it now: connections, resources (the disk is full), an operator's intervention, I/O errors.
_REFUSED = ("08", "53", "57", "58")
# The session refuses for ever: it is on a server that became, or always was, a standby, or the server has ended it.
_SESSION_IS_USELESS = ("25006", "25P03", "25P04")


_DRIVER_ERRORS = (
    OSError,  # a TimeoutError is one
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # also for what the server said as it cut the connection
)


class DatabaseUnavailable(ServiceUnavailable):
    title = "Database unavailable"
    detail = "The database cannot do this now. Try again in a moment."


class DatabaseBusy(DatabaseUnavailable):
    title = "Database busy"
    detail = "Other work holds what this needs in the database. Try again in a moment."


_OUTCOME_UNKNOWN = (
    "The connection to the database was lost while the change was being saved. "
    "It may have been saved: read it before you repeat the request."
)


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
        session_settings: Mapping[str, str] | None = None,
        debug: bool = False,
    ) -> None:
        """`statement_seconds` is how long a statement is waited for; None, without end, is for migrations and commands,
        whose statements may rightly take long. `session_settings` are PostgreSQL's, for each connection of the pool."""
        target = parse_database_url(url.get_secret_value())
        settings = {"application_name": application_name, "timezone": "UTC"}
        configure = "; ".join(
            f"set {name} = '{value}'" for name, value in (session_settings or {}).items()
        )

        async def connect() -> asyncpg.Connection:
            # The hosts of a URL are tried one after the other, each with its own time: asyncpg has one time for all,
            # which a first host that is silent would use up.
            failure: Exception | None = None
            for host, port in target.hosts:
                try:
                    connection = await asyncpg.connect(
                        host=host,
                        port=port,
                        timeout=target.connect_seconds or CONNECT_SECONDS,
                        command_timeout=statement_seconds,
                        connection_class=_Connection,
                        server_settings={**settings, **target.server_settings},
                        **target.arguments,
                    )
                    _set_socket_options(connection, target.socket_options)
                    if configure:
                        # Not as a parameter of the connection: PgBouncer refuses those that it does not know.
                        await connection.execute(configure, timeout=CONNECT_SECONDS)
                except _DRIVER_ERRORS as error:
                    failure = failure or error
                else:
                    return connection
            raise DatabaseUnavailable from failure

        def engine(size: int) -> AsyncEngine:
            engine = create_async_engine(
                "postgresql+asyncpg://",
                async_creator=connect,
                poolclass=AsyncAdaptedQueuePool,
                pool_size=size,
                max_overflow=0,
                pool_timeout=POOL_WAIT_SECONDS,
                echo=debug,
                hide_parameters=True,
            )
            event.listen(engine.sync_engine, "checkout", _check_that_it_answers)
            event.listen(engine.sync_engine, "handle_error", _hide_values)
            event.listen(engine.sync_engine, "handle_error", _give_up_a_useless_connection)
            return engine

        self.engine = engine(pool_size)
        event.listen(self.engine.sync_engine, "checkout", self._replace_where_it_only_reads)
        # Readiness has its own connection: it must not wait behind requests, or busy would look like broken.
        self._probe_engine = engine(1)
        self._probe_seconds = max(
            CONNECT_SECONDS, (target.connect_seconds or 0) * len(target.hosts)
        )
        self._only_reads = False
        self._debug = debug
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self.pool_size = pool_size

    @property
    def connections_in_use(self) -> int:
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, AsyncAdaptedQueuePool) else 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end of the block, and rolls back where the block raises.

        Raises `DatabaseUnavailable` where PostgreSQL does not answer, refuses for a moment, or goes away in the middle.
        """
        with _refusals_as_problems():
            async with self.sessions() as session:
                yield session
                await _commit(session)

    async def read(self, query: Read, **values: Any) -> Sequence[Mapping[Any, Any]]:
        """Run a query that changes nothing, in one round trip, and return its rows. Raises as `session` does."""
        # With debug, SQLAlchemy logs the SQL.
        rows = None if self._debug else await self._read_at_once(query, values)
        if rows is not None:
            return rows
        # Nothing has been changed: it may be repeated, and this way reports what is wrong. In a transaction: its end
        # frees the locks of a statement whose arguments could not be sent.
        async with self.session() as session:
            result = await session.execute(query.statement, values)
            return [dict(row) for row in result.mappings()]

    async def _read_at_once(
        self, query: Read, values: Mapping[str, Any]
    ) -> Sequence[Mapping[Any, Any]] | None:
        """Return the rows; None where the connection is lost, where the server refuses, and where it takes so long that
        the server may have gone silent."""
        with _refusals_as_problems(), _checked_by(_Check.NONE):
            pooled = await self.engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            rows: Sequence[Mapping[Any, Any]] = await driver.fetch(
                query.sql, *query.arguments(values), timeout=CONNECT_SECONDS
            )
        except (asyncpg.PostgresError, ValueError):
            if not await end_statement(driver):
                pooled.invalidate()
            return None
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            pooled.invalidate()
            return None
        except BaseException:
            pooled.invalidate()
            raise
        finally:
            pooled.close()
        return rows

    async def check_out(self) -> AsyncConnection:
        """A connection of the pool that outlives a block: the caller closes it. Raises as `session` does."""
        with _refusals_as_problems(), _checked_by(_Check.ASK):
            return await self.engine.connect()

    def replace_connections(self) -> None:
        """Have the pool replace all its connections before it hands out the next one."""
        self._only_reads = True

    @asynccontextmanager
    async def probe(self) -> AsyncIterator[tuple[AsyncConnection, float]]:
        """A connection beside the pool, and how many milliseconds a round trip on it took.

        Raises `DatabaseUnavailable` where the server only reads, `TimeoutError` where the block takes longer than a
        connection may, and whatever keeps it from being made.
        """
        async with (
            asyncio.timeout(self._probe_seconds),
            self._probe_engine.connect() as connection,
        ):
            started = time.perf_counter()
            reads_only = await connection.scalar(text("show transaction_read_only"))
            latency = round((time.perf_counter() - started) * 1000, 2)
            if reads_only == "on":
                # After a failover the name may already lead to another server.
                self.replace_connections()
                await connection.invalidate()
                raise DatabaseUnavailable("The server only reads: it is a standby.")
            await self._open_first_connection()
            yield connection, latency

    async def _open_first_connection(self) -> None:
        # A replica that starts beside others, on a machine without time to spare, may take seconds to connect: no
        # request is to wait for that, once the replica is ready.
        pool = self.engine.pool
        if isinstance(pool, AsyncAdaptedQueuePool) and pool.checkedin() + pool.checkedout() == 0:
            with _checked_by(_Check.NONE):
                pooled = await self.engine.raw_connection()
            pooled.close()

    async def close(self) -> None:
        for engine in (self._probe_engine, self.engine):
            # Those in use are not the pool's to close. Each ends when its user gives it back.
            event.listen(engine.sync_engine, "checkin", _terminate)
            await engine.dispose()

    def _replace_where_it_only_reads(self, _connection: Any, _record: Any, _pooled: Any) -> None:
        if self._only_reads:
            self._only_reads = False
            raise InvalidatePoolError


def _terminate(connection: Any, _record: Any) -> None:
    if connection is not None:
        connection.driver_connection.terminate()


def _set_socket_options(
    connection: asyncpg.Connection, options: Sequence[tuple[int, int, int]]
) -> None:
    # asyncpg has no option for these, and shows its transport to nobody.
    opened = connection._transport.get_extra_info("socket")
    if opened.family != socket.AF_UNIX:
        for option in options:
            opened.setsockopt(*option)


async def _commit(session: AsyncSession) -> None:
    try:
        await session.commit()
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(_OUTCOME_UNKNOWN) from error.__cause__
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(_OUTCOME_UNKNOWN) from error
        raise


@contextmanager
def _refusals_as_problems() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseBusy("All connections to the database are busy; try again.") from error
    except InvalidRequestError as error:
        # SQLAlchemy has no class for it: each connection that the pool had or made failed its check.
        if str(error) == "This connection is closed":
            raise DatabaseUnavailable from error
        raise
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state.startswith(_BUSY):
            raise DatabaseBusy from error
        # A statement that was prepared before a migration: asyncpg prepares it anew the next time.
        stale = isinstance(_source(error), asyncpg.InvalidCachedStatementError)
        if stale or error.connection_invalidated or state.startswith(_REFUSED):
            raise DatabaseUnavailable from error
        raise


async def end_statement(driver: asyncpg.Connection) -> bool:
    """Free the locks of a statement whose arguments could not be sent. Return whether the connection still answers.

    asyncpg prepares a statement before it looks at the arguments: the server then waits in the middle of it.
    """
    try:
        await driver.execute("select 1", timeout=CONNECT_SECONDS)
    except _DRIVER_ERRORS:
        return False
    return True


def problem_of(error: BaseException) -> DatabaseUnavailable | None:
    """Return the problem to raise for an error of the driver; None where the statement is at fault."""
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith(_BUSY):
        return DatabaseBusy()
    if connection_is_useless(error) or state.startswith(_REFUSED):
        return DatabaseUnavailable()
    return None


def hide_values(error: BaseException) -> None:
    """Take from an error of the driver what it quotes of a statement's arguments and of rows."""
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None
    error.args = tuple(
        _QUOTED_ARGUMENT.sub(r"\1", arg) if isinstance(arg, str) else arg for arg in error.args
    )


def connection_is_useless(error: BaseException) -> bool:
    """Return whether this error of the driver ends its connection: it is lost or silent, or its session refuses for
    ever."""
    state = getattr(error, "sqlstate", None) or ""
    return _is_lost(error) or state.startswith(_SESSION_IS_USELESS)


def _is_lost(error: BaseException) -> bool:
    # A silent or lost connection, and asyncpg's own errors: it is closed, or in the middle of something. Those that are
    # a ValueError too speak of a statement's arguments.
    return isinstance(error, OSError) or (
        isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)
        and not isinstance(error, ValueError)
    )


def _source(error: DBAPIError) -> BaseException | None:
    """Return the error of asyncpg behind an error of SQLAlchemy."""
    return error.orig.__cause__ if error.orig else None


class _Check(Enum):
    """How a connection that is taken from a pool shows that it answers."""

    BEGIN = 1
    """It begins a transaction, as SQLAlchemy would do before the first statement: no round trip more."""
    ASK = 2
    NONE = 3
    """The caller's own statement will show it."""


_check: ContextVar[_Check] = ContextVar("check", default=_Check.BEGIN)


@contextmanager
def _checked_by(check: _Check) -> Iterator[None]:
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def _check_that_it_answers(connection: Any, _record: Any, _pooled: Any) -> None:
    """Have the pool replace its connections where the one to be used has been cut, or has gone silent, since its last
    use."""
    # Not the pool's own ping: that would wait for as long as a statement may take, and makes a transaction of its own.
    check = _check.get()
    if check is not _Check.NONE:
        connection.run_async(lambda driver: _answer(connection, driver, check))


async def _answer(connection: Any, driver: asyncpg.Connection, check: _Check) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            if check is _Check.BEGIN:
                await connection._start_transaction()
            else:
                await driver.execute("select 1")
    except Exception as error:  # SQLAlchemy's, asyncpg's or the system's: it is of no use
        driver.terminate()
        raise InvalidatePoolError from error


def _give_up_a_useless_connection(context: Any) -> DatabaseUnavailable | None:
    # An ExceptionContext; up to 2.0.50, SQLAlchemy's types do not let its `is_disconnect` be set.
    error = context.original_exception
    source = error.__cause__ or error
    lost = _is_lost(error) or _is_lost(source)
    if lost or connection_is_useless(source):
        # With it the pool replaces all that it holds: they lead to the same server.
        context.is_disconnect = True
    return DatabaseUnavailable() if lost else None


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
    database: Database = request.app.state.context.database
    async with database.session() as session:
        yield session


# scope="function": the session ends, and so commits, before the answer is sent. With FastAPI's default the answer
# would be sent first, and a commit that fails would go unnoticed.
Session = Annotated[AsyncSession, Depends(database_session, scope="function")]
"""What a route declares to get a session."""
