"""The audit: one row for each call of a known installation, allowed or not.

Calls without a valid credential have none: strangers would fill the disk. They are counted in a metric. So are
calls that nobody can attribute while auth or installation is down; what installation said before still attributes one.

A refused call is written once. An allowed one is written before the cat is called, so that whatever a cat was made to
do stands here, even if the proxy dies or loses its database in the next moment; and it is completed before the answer's
first byte leaves, or for a long answer before the last one. Each write is on disk when it returns.

A write is one round trip, on a connection that is kept for it. What calls write at the same time is one statement, and
so one commit: those who come while the disk is being waited for wait together for the next turn. A call costs two
commits, but many calls at once cost hardly more.
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
# A row that is complete stays so: a first write that is repeated, or arrives late, changes nothing.
_WRITE = (
    f"insert into proxy.audit ({', '.join(_TYPES)}) "  # noqa: S608 - names are code
    f"select * from unnest({', '.join(f'${n}::{kind}[]' for n, kind in enumerate(_TYPES.values(), 1))}) "
    "on conflict (id) do update set "
    "status = excluded.status, outcome = excluded.outcome, duration_ms = excluded.duration_ms "
    "where audit.duration_ms is null or excluded.duration_ms is not null"
)
_VALUES = attrgetter(*_TYPES)


class Audit:
    """Write rows. Every method raises `DatabaseUnavailable` where PostgreSQL does not answer."""

    def __init__(self, database: Database) -> None:
        self._connection = HeldConnection(database)
        self._waiting: dict[UUID, CallRecord] = {}
        self._turn: asyncio.Task[None] | None = None
        self._next_turn: asyncio.Task[None] | None = None

    async def start(self, call: Call) -> None:
        """Write that the cat is being called. Await this before it is called."""
        await self._write(call.record)

    async def answering(self, call: Call, status: int) -> None:
        """Write that a response has begun. Await this before its head is sent, where its end has not arrived."""
        call.record.status, call.record.outcome = status, ANSWERING
        await self._write(call.record)

    async def end(self, call: Call, status: int | None, outcome: str) -> None:
        """Write how a call ended, started or refused."""
        record = call.record
        record.status, record.outcome = status, outcome
        record.duration_ms = round((time.perf_counter() - call.arrived) * 1000, 3)
        await self._write(record)

    async def close(self) -> None:
        """Wait for what is being written, even if those who wrote it wait no longer."""
        while turn := self._next_turn or self._turn:
            await asyncio.wait([turn])
        await self._connection.close()

    async def _write(self, record: CallRecord) -> None:
        self._waiting[record.id] = record
        if self._next_turn is None:
            self._next_turn = asyncio.create_task(self._take_turn(self._turn))
            self._next_turn.add_done_callback(_look_at)
        # Shielded: one who gives up neither undoes nor hinders what the others write.
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
    # All who wait for it may have given up; it must not be reported as one that nobody looked at.
    if not turn.cancelled():
        turn.exception()
