"""A connection that is kept from one statement to the next, for a write with every request.

A session pays for the pool, a check of the connection, a transaction and SQLAlchemy. Here, a statement is one round
trip.
"""

import time
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

# Then it goes back to the pool, which checks the next one: a server that went silent while nobody wrote is noticed.
_KEEP_SECONDS = 1.0
# A statement without a response is then repeated on another connection.
_FIRST_ATTEMPT_SECONDS = 5.0


class HeldConnection:
    """One of the pool's connections, which counts it as in use. For one caller at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: tuple[AsyncConnection, asyncpg.Connection] | None = None
        self._held_since = 0.0

    async def write(self, statement: str, *arguments: Any) -> None:
        """Run a statement as a transaction of its own, which is committed when this returns.

        It must be a statement that may run twice: it is repeated once where its connection is lost or silent. Raises as
        `Database.session` does.
        """
        failure: Exception | None = None
        for seconds in (_FIRST_ATTEMPT_SECONDS, None):
            connection, driver = await self._connection()
            try:
                # asyncpg prepares a statement when it first sees it, and anew after a migration.
                await driver.execute(statement, *arguments, timeout=seconds)
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
                    # The others lead to the same standby, and would pass the pool's check.
                    self._database.replace_connections()
        raise DatabaseUnavailable from failure

    async def close(self) -> None:
        """Give the connection back to the pool."""
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
