"""PostgreSQL: one bounded pool for each process, and sessions that commit before the response is sent.

If the server is unreachable or temporarily refuses, `DatabaseUnavailable` is raised, a problem with status 503. Nothing
is retried here, because only the caller knows whether a retry is safe. Services and clients retry idempotent calls.
"""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from cathouse_kit.sql_spans import SqlSpans

CONNECT_SECONDS = 2.0
POOL_WAIT_SECONDS = 5.0
# The roles' statement_timeout, 30 s, ends slow statements, but only on a server that is reachable. This limit is for an
# unreachable server: TCP alone would wait for its response forever.
STATEMENT_SECONDS = 35.0

# The names of constraints do not depend on the server, because migrations and errors refer to them.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def service_metadata(schema: str) -> MetaData:
    """Return the metadata for a service's tables, all in its own schema."""
    return MetaData(schema=schema, naming_convention=NAMING_CONVENTION)


# Prefixes of SQLSTATE codes (PostgreSQL manual, appendix A).
# The session is usable, and the same statement may succeed later. Reasons are a conflict with another transaction, a
# held lock, and a statement that was cancelled or too slow.
_BUSY = ("40", "55006", "55P03", "57014")
# The server cannot do it now: connections, resources such as a full disk, an operator's intervention, I/O errors.
_REFUSED = ("08", "53", "57", "58")
# The session will never work again: its server is a standby, or the server has ended the session.
_SESSION_IS_USELESS = ("25006", "25P03", "25P04")


_DRIVER_ERRORS = (
    OSError,  # a TimeoutError is one
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # also if the server closed the connection with a message
)


class DatabaseUnavailable(ServiceUnavailable):
    title = "Database unavailable"
    detail = "The database is unavailable at the moment. Try again after the seconds in the Retry-After header."


class DatabaseBusy(DatabaseUnavailable):
    title = "Database busy"
    detail = "The database is busy with other requests. Try again after the seconds in the Retry-After header."


_OUTCOME_UNKNOWN = (
    "The connection to the database was lost while the change was being saved. "
    "It may have been saved: check before you repeat the request."
)


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's signature
        # Without a limit, asyncpg waits forever for a silent server to close the connection or to cancel a statement.
        # After the limit, asyncpg has aborted the connection.
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
        sql_spans: "SqlSpans | None" = None,
    ) -> None:
        """Create the engine.

        `statement_seconds` is the longest wait for a statement. None, for migrations and commands, means no limit,
        because their statements may be slow. `session_settings` are PostgreSQL settings for each pooled connection.
        `sql_spans` makes spans of the statements of requests.
        """
        target = parse_database_url(url.get_secret_value())
        settings = {"application_name": application_name, "timezone": "UTC"}
        configure = "; ".join(
            f"set {name} = '{value}'" for name, value in (session_settings or {}).items()
        )

        async def connect() -> asyncpg.Connection:
            # The hosts of a URL are tried in turn, each with its own time limit. asyncpg has one time limit for all,
            # which a silent first host would use up.
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
                        # Not a parameter of the connection, because PgBouncer refuses unknown parameters.
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
            event.listen(engine.sync_engine, "checkout", _check_that_it_responds)
            event.listen(engine.sync_engine, "handle_error", _hide_values)
            event.listen(engine.sync_engine, "handle_error", _give_up_a_useless_connection)
            return engine

        self.engine = engine(pool_size)
        self.sql_spans = sql_spans
        if sql_spans:
            sql_spans.listen(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "checkout", self._replace_where_it_only_reads)
        # Readiness has its own connection. If it waited behind requests, a busy service would look broken.
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
        """Open a session that commits at the end of the block, and rolls back if the block raises.

        Raises `DatabaseUnavailable` if PostgreSQL does not respond, temporarily refuses, or stops during the block.
        """
        with _refusals_as_problems():
            async with self.sessions() as session:
                yield session
                await _commit(session)

    async def read(self, query: Read, **values: Any) -> Sequence[Mapping[Any, Any]]:
        """Run a query that changes nothing, in one round trip, and return its rows. Raises the errors of `session`."""
        # With debug, SQLAlchemy logs the SQL.
        rows = None if self._debug else await self._read_at_once(query, values)
        if rows is not None:
            return rows
        # The query changes nothing, so it is safe to repeat it. The session reports the error. The end of its
        # transaction frees the locks of a statement with arguments that could not be sent.
        async with self.session() as session:
            result = await session.execute(query.statement, values)
            return [dict(row) for row in result.mappings()]

    async def _read_at_once(
        self, query: Read, values: Mapping[str, Any]
    ) -> Sequence[Mapping[Any, Any]] | None:
        """Return the rows, or None if the connection is lost, the server refuses, or the response is so late that the
        server may be silent."""
        with _refusals_as_problems(), _checked_by(_Check.NONE):
            pooled = await self.engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            fetch = partial(
                driver.fetch, query.sql, *query.arguments(values), timeout=CONNECT_SECONDS
            )
            rows: Sequence[Mapping[Any, Any]] = await (
                self.sql_spans.around(query.sql, fetch) if self.sql_spans else fetch()
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
        """Return a connection of the pool. The caller must close it. Raises the errors of `session`."""
        with _refusals_as_problems(), _checked_by(_Check.ASK):
            return await self.engine.connect()

    def replace_connections(self) -> None:
        """Make the pool replace all its connections before it returns the next one."""
        self._only_reads = True

    @asynccontextmanager
    async def probe(self) -> AsyncIterator[tuple[AsyncConnection, float]]:
        """Open a connection outside the pool, and yield it with the milliseconds of a round trip on it.

        Raises `DatabaseUnavailable` if the server is read-only, `TimeoutError` if the block exceeds the time limit for
        a connection, and any error of the connection.
        """
        async with (
            asyncio.timeout(self._probe_seconds),
            self._probe_engine.connect() as connection,
        ):
            started = time.perf_counter()
            reads_only = await connection.scalar(text("show transaction_read_only"))
            latency = round((time.perf_counter() - started) * 1000, 2)
            if reads_only == "on":
                # After a failover, the host name may already lead to another server.
                self.replace_connections()
                await connection.invalidate()
                raise DatabaseUnavailable("The database server is a read-only standby.")
            await self._open_first_connection()
            yield connection, latency

    async def _open_first_connection(self) -> None:
        # On a busy machine, a starting replica may need seconds to connect. After the replica is ready, no request must
        # wait for that.
        pool = self.engine.pool
        if isinstance(pool, AsyncAdaptedQueuePool) and pool.checkedin() + pool.checkedout() == 0:
            with _checked_by(_Check.NONE):
                pooled = await self.engine.raw_connection()
            pooled.close()

    async def close(self) -> None:
        for engine in (self._probe_engine, self.engine):
            # The pool cannot close connections that are in use. Each is closed when it is returned.
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
    # asyncpg has no option for these, and no public access to its transport.
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
        raise DatabaseBusy(
            "All connections to the database are busy. Try again after the seconds in the Retry-After header."
        ) from error
    except InvalidRequestError as error:
        # SQLAlchemy has no class for this error: every pooled or new connection failed its check.
        if str(error) == "This connection is closed":
            raise DatabaseUnavailable from error
        raise
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state.startswith(_BUSY):
            raise DatabaseBusy from error
        # The statement was prepared before a migration. asyncpg prepares it again the next time.
        stale = isinstance(_source(error), asyncpg.InvalidCachedStatementError)
        if stale or error.connection_invalidated or state.startswith(_REFUSED):
            raise DatabaseUnavailable from error
        raise


async def end_statement(driver: asyncpg.Connection) -> bool:
    """Free the locks of a statement with arguments that could not be sent. Return whether the connection still works.

    asyncpg prepares a statement before it checks the arguments, so the server waits in the middle of the statement.
    """
    try:
        await driver.execute("select 1", timeout=CONNECT_SECONDS)
    except _DRIVER_ERRORS:
        return False
    return True


def problem_of(error: BaseException) -> DatabaseUnavailable | None:
    """Return the problem to raise for an error of the driver, or None if the statement is at fault."""
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith(_BUSY):
        return DatabaseBusy()
    if connection_is_useless(error) or state.startswith(_REFUSED):
        return DatabaseUnavailable()
    return None


def hide_values(error: BaseException) -> None:
    """Remove the quoted arguments of statements and the quoted rows from an error of the driver."""
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None
    error.args = tuple(
        _QUOTED_ARGUMENT.sub(r"\1", arg) if isinstance(arg, str) else arg for arg in error.args
    )


def connection_is_useless(error: BaseException) -> bool:
    """Return whether the connection of this driver error is unusable: lost, silent, or with a session that is over."""
    state = getattr(error, "sqlstate", None) or ""
    return _is_lost(error) or state.startswith(_SESSION_IS_USELESS)


def _is_lost(error: BaseException) -> bool:
    # A silent or lost connection, or an error of asyncpg for a closed or busy one. asyncpg's errors that are also a
    # ValueError are about the arguments of a statement.
    return isinstance(error, OSError) or (
        isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)
        and not isinstance(error, ValueError)
    )


def _source(error: DBAPIError) -> BaseException | None:
    """Return the error of asyncpg behind an error of SQLAlchemy."""
    return error.orig.__cause__ if error.orig else None


class _Check(Enum):
    """The check of a connection when it is taken from the pool."""

    BEGIN = 1
    """Begin a transaction, which SQLAlchemy needs anyway before the first statement: no extra round trip."""
    ASK = 2
    NONE = 3
    """No check: the caller handles the error of its own statement."""


_check: ContextVar[_Check] = ContextVar("check", default=_Check.BEGIN)


@contextmanager
def _checked_by(check: _Check) -> Iterator[None]:
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def _check_that_it_responds(connection: Any, _record: Any, _pooled: Any) -> None:
    """Make the pool replace its connections if the chosen one was cut or is silent since its last use."""
    # Not the pool's own ping, which would wait as long as for a statement, and needs a separate transaction.
    check = _check.get()
    if check is not _Check.NONE:
        connection.run_async(lambda driver: _try_connection(connection, driver, check))


async def _try_connection(connection: Any, driver: asyncpg.Connection, check: _Check) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            if check is _Check.BEGIN:
                await connection._start_transaction()
            else:
                await driver.execute("select 1")
    except Exception as error:  # of SQLAlchemy, asyncpg or the system: the connection is unusable
        driver.terminate()
        raise InvalidatePoolError from error


def _give_up_a_useless_connection(context: Any) -> DatabaseUnavailable | None:
    # An ExceptionContext. In the types of SQLAlchemy up to 2.0.50, its `is_disconnect` is read-only.
    error = context.original_exception
    source = error.__cause__ or error
    lost = _is_lost(error) or _is_lost(source)
    if lost or connection_is_useless(source):
        # The pool then replaces all its connections, because they lead to the same server.
        context.is_disconnect = True
    return DatabaseUnavailable() if lost else None


_QUOTED_ARGUMENT = re.compile(r"(invalid input for query argument \$\d+): .*", re.DOTALL)


def _hide_values(context: ExceptionContext) -> None:
    # PostgreSQL quotes whole rows in the details of an error, and asyncpg quotes arguments. Without this, the logs
    # would contain them despite hide_parameters, including password hashes and keys.
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
    """Yield a session for one request. It is committed when the route returns, and rolled back when it raises."""
    database: Database = request.app.state.context.database
    async with database.session() as session:
        yield session


# scope="function": the session commits before the response is sent. With FastAPI's default, the response is sent first,
# and the client does not learn of a failed commit.
Session = Annotated[AsyncSession, Depends(database_session, scope="function")]
"""Declare a parameter of this type to get a session in a route."""
