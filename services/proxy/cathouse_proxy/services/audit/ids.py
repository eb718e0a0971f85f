"""Ids that are made here because a row must be known by one before it is written."""

import secrets
import time
from datetime import datetime
from uuid import UUID


def uuid7(at: datetime | None = None) -> UUID:
    """A UUID of version 7 (RFC 9562, section 5.7) of this moment, or of another: its order is that of time, to a
    quarter of a microsecond, as it is in those that PostgreSQL makes."""
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
