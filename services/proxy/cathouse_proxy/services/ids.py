"""Ids that are made here because a row must be known by one before it is written."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): its order is that of time, to a quarter of a microsecond, as it is
    in those that PostgreSQL makes."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    value = (
        milliseconds << 80
        | 0x7 << 76
        | (nanoseconds * 4096 // 1_000_000) << 64
        | 0b10 << 62
        | secrets.randbits(62)
    )
    return UUID(int=value)
