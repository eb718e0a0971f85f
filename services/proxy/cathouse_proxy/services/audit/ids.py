"""Ids of audit rows. They are created here, because a row needs its id before it is inserted."""

import secrets
import time
from datetime import datetime
from uuid import UUID


def uuid7(at: datetime | None = None) -> UUID:
    """Return a UUID of version 7 (RFC 9562, section 5.7) for the time `at`, by default now.

    Ids sort by time with a precision of a quarter of a microsecond, like those of PostgreSQL's `uuidv7()`.
    """
    now = time.time_ns() if at is None else int(at.timestamp() * 1_000_000) * 1_000
    milliseconds, nanoseconds = divmod(now, 1_000_000)
    value = (
        milliseconds << 80
        | 0x7 << 76
        | (nanoseconds * 4096 // 1_000_000) << 64
        | 0b10 << 62
        | secrets.randbits(62)
    )
    return UUID(int=value)
