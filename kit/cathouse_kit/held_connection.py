"""A connection that is kept between statements, for a service that writes with every request.

A statement costs one round trip. In a session, it also costs the pool, a check of the connection, a transaction and
SQLAlchemy.
"""

import time
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from cathouse_kit.database import (
    Database,
    DatabaseUnavailable,
    connection_is_useless,
    end_statement,
    hide_values,
    problem_of,
)

# After this time it returns to the pool, and the pool checks the next one. This detects a silent server.
_KEEP_SECONDS = 1.0
# After this time without a response, the statement is repeated on another connection.
_FIRST_ATTEMPT_SECONDS = 5.0


class HeldConnection:
    """A connection of the pool, which counts it as in use. Only one caller at a time may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: tuple[AsyncConnection, asyncpg.Connection] | None = None
        self._held_since = 0.0

    async def write(self, statement: str, *arguments: Any) -> None:
        """Run a statement in a separate transaction, and commit it.

        The statement must be safe to run twice: it is repeated once if its connection is lost or silent. Raises the
        errors of `Database.session`.
        """
        failure: Exception | None = None
        for seconds in (_FIRST_ATTEMPT_SECONDS, None):
            connection, driver = await self._connection()
            try:
                # asyncpg prepares a statement at its first use, and again after a migration.
                execute = partial(driver.execute, statement, *arguments, timeout=seconds)
                spans = self._database.sql_spans
                await (spans.around(statement, execute) if spans else execute())
                return
            except Exception as error:
                if not (driver.is_closed() or connection_is_useless(error)):
                    if problem := problem_of(error):
                        raise problem from error
                    if not await end_statement(driver):
                        driver.terminate()
                    hide_values(error)
                    raise
                failure = error
                driver.terminate()
                await connection.invalidate()
                await self.close()
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    # The other connections lead to the same standby, but would pass the pool's check.
                    self._database.replace_connections()
        raise DatabaseUnavailable from failure

    async def close(self) -> None:
        """Return the connection to the pool."""
        held, self._held = self._held, None
        if held is not None:
            await held[0].close()

    async def _connection(self) -> tuple[AsyncConnection, asyncpg.Connection]:
        if time.monotonic() - self._held_since >= _KEEP_SECONDS:
            await self.close()
        if self._held is None:
            connection = await self._database.check_out()
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, asyncpg.Connection)  # noqa: S101 - the engine's driver
            self._held = connection, driver
            self._held_since = time.monotonic()
        return self._held
