"""The database of the tested service: its rows, its statements, and the network path to it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connection import LoggedQuery
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cathouse_kit.database import Database

Execute = Callable[..., Awaitable[list[dict[str, Any]]]]
"""Runs a statement with its parameters, commits, and returns the rows."""


def execute_with(engine: AsyncEngine) -> Execute:
    """Return a function that executes statements outside of the tested service."""

    async def execute(statement: str, **values: Any) -> list[dict[str, Any]]:
        async with engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    return execute


@asynccontextmanager
async def recorded_statements(database: Database) -> AsyncIterator[list[str]]:
    """Yield the list of statements that PostgreSQL gets during the block, including begin and commit."""
    statements: list[str] = []

    def log(query: LoggedQuery) -> None:
        statements.append(query.query)

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def attach(connection: Any, *_: Any) -> None:
        connection.driver_connection.add_query_logger(log)

    def detach(connection: Any, *_: Any) -> None:
        if connection:
            connection.driver_connection.remove_query_logger(log)

    engine = database.engine.sync_engine
    # asyncpg does not log the statements that SQLAlchemy has prepared.
    listeners: dict[str, Callable[..., Any]] = {
        "before_cursor_execute": note,
        "checkout": attach,
        "checkin": detach,
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener, insert=True)
    try:
        yield statements
        await asyncio.sleep(0)  # asyncpg logs after it has returned the rows
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


async def empty_tables(superuser: asyncpg.Connection, schema: str) -> None:
    """Delete all rows of a schema, except the history of its migrations."""
    rows = await superuser.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables "
        "where schemaname = $1 and tablename <> 'alembic_version'",
        schema,
    )
    tables = [row["name"] for row in rows]
    # Truncating creates new files for each table and index, which is far slower than deleting a few rows.
    filled = " or ".join(f"exists (select from {table})" for table in tables)
    if tables and await superuser.fetchval(f"select {filled}"):
        deletions = "; ".join(f"delete from {table}" for table in tables)  # noqa: S608
        # A replica checks no foreign keys, so the order of the tables does not matter.
        await superuser.execute(f"set local session_replication_role = replica; {deletions}")
        await superuser.execute(
            "select setval(format('%I.%I', schemaname, sequencename), start_value, false) "
            "from pg_sequences where schemaname = $1",
            schema,
        )


class DatabasePath:
    """A network path to a database. It counts round trips, and can lose bytes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._database = (parts.hostname, parts.port)
        self._url = url
        self._connections: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._lost: set[asyncio.StreamWriter] = set()
        self.loses_new_ones = False
        self.url = ""
        self.round_trips = 0
        """The number of times that a client has sent data and waited for the server."""

    def lose(self) -> None:
        """Lose all further bytes of the open connections."""
        self._lost.update(self._writers)

    def reset(self) -> None:
        """Reset the open connections with a RST, like a firewall."""
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            writer.transport.abort()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["DatabasePath"]:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._url.replace(f":{self._database[1]}/", f":{port}/")
        if self.url == self._url:
            raise ValueError("the URL must name its port and its database")
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.gather(*self._connections)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_connection(*self._database)
        self._writers += [writer, to_database]
        if self.loses_new_ones:
            self._lost |= {writer, to_database}
        self._connections += [
            asyncio.create_task(self._pump(reader, to_database, counts=True)),
            asyncio.create_task(self._pump(from_database, writer, counts=False)),
        ]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self.round_trips += counts
                if writer not in self._lost:
                    writer.write(data)
                    await writer.drain()
        if writer not in self._lost:
            writer.close()
