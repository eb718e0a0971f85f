"""The audit writer: one row for each call of a known installation, allowed or refused.

Calls without a valid credential get no row, because anyone could fill the disk with them. A metric counts them. The
metric also counts calls that cannot be attributed while auth or installation is down. If installation has identified
the caller before, the call is still attributed.

A refused call is written once. An allowed call is written before the cat is called. The row exists even if the proxy
dies or loses its database right after. It is completed before the first byte of the response is sent, or before the
last byte of a long response. Each write is on disk when it returns.

A write is one round trip, on a reserved connection. Rows that are ready at the same time are written with one
statement, and so with one commit. Rows that arrive during a write wait together for the next one. A single call costs
two commits, and many concurrent calls cost little more.
"""

import asyncio
import time
from operator import attrgetter
from uuid import UUID

from cathouse_kit.database import Database
from cathouse_kit.held_connection import HeldConnection

from cathouse_proxy.services.call import ANSWERING, Call, CallRecord

_TYPES = {
    "id": "uuid",
    "installation_id": "uuid",
    "user_id": "uuid",
    "cat_id": "uuid",
    "method": "text",
    "path": "text",
    "scope": "text",
    "status": "smallint",
    "outcome": "text",
    "duration_ms": "double precision",
    "request_id": "text",
}
# A complete row stays complete: a first write that is repeated, or arrives late, must not overwrite it.
_WRITE = (
    f"insert into proxy.audit ({', '.join(_TYPES)}) "  # noqa: S608 - names are code
    f"select * from unnest({', '.join(f'${n}::{kind}[]' for n, kind in enumerate(_TYPES.values(), 1))}) "
    "on conflict (id) do update set "
    "status = excluded.status, outcome = excluded.outcome, duration_ms = excluded.duration_ms "
    "where audit.duration_ms is null or excluded.duration_ms is not null"
)
_VALUES = attrgetter(*_TYPES)


class Audit:
    """Writes audit rows. Every method raises `DatabaseUnavailable` if PostgreSQL does not respond."""

    def __init__(self, database: Database) -> None:
        self._connection = HeldConnection(database)
        self._waiting: dict[UUID, CallRecord] = {}
        self._turn: asyncio.Task[None] | None = None
        self._next_turn: asyncio.Task[None] | None = None

    async def start(self, call: Call) -> None:
        """Record that the call begins. Await this before you call the cat."""
        await self._write(call.record)

    async def answering(self, call: Call, status: int) -> None:
        """Record that a long response begins. Await this before you send its head."""
        call.record.status, call.record.outcome = status, ANSWERING
        await self._write(call.record)

    async def end(self, call: Call, status: int | None, outcome: str) -> None:
        """Record the end of a call, started or refused."""
        record = call.record
        record.status, record.outcome = status, outcome
        record.duration_ms = round((time.perf_counter() - call.arrived) * 1000, 3)
        await self._write(record)

    async def close(self) -> None:
        """Wait until all pending rows are written, and close the connection."""
        while turn := self._next_turn or self._turn:
            await asyncio.wait([turn])
        await self._connection.close()

    async def _write(self, record: CallRecord) -> None:
        self._waiting[record.id] = record
        if self._next_turn is None:
            self._next_turn = asyncio.create_task(self._take_turn(self._turn))
            self._next_turn.add_done_callback(_look_at)
        # Shielded: if one call is cancelled, the rows of the others are still written.
        await asyncio.shield(self._next_turn)

    async def _take_turn(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._turn, self._next_turn = self._next_turn, None
        records, self._waiting = list(self._waiting.values()), {}
        try:
            rows = map(_VALUES, records)
            await self._connection.write(_WRITE, *zip(*rows, strict=True))
        finally:
            self._turn = None


def _look_at(turn: asyncio.Task[None]) -> None:
    # If every waiting call was cancelled, asyncio would log that the exception was never retrieved.
    if not turn.cancelled():
        turn.exception()
