"""Passwords: prepared by RFC 8265, and hashed with argon2id (RFC 9106) outside the event loop."""

import asyncio
import base64
import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from cathouse_auth.services.errors import PasswordQueueFull

# With more waiting requests, the last one would wait for many seconds.
_MOST_WAITING = 20
# About a third of the CPU share of a normal thread: the event loop has priority, and hashing never stops.
_NICENESS = 5

R = TypeVar("R")


def prepared(password: str) -> str:
    """Return a password in NFC, with every kind of space replaced by the ASCII one (RFC 8265, section 4.2.2).

    The cost grows with the square of the length, so the caller must limit the length.
    """
    spaces = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaces)


class Passwords:
    """Hashes and verifies passwords, one at a time, because each hash needs a core and 64 MiB of memory.

    All hashing runs in one thread of low priority, so the event loop gets a core when it needs one.
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, most_waiting: int = _MOST_WAITING
    ) -> None:
        # One lane: with four, one hash would use four cores, or four times its share of a container's CPU.
        self._hasher = hasher or PasswordHasher(parallelism=1)
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=_lower_priority)
        self._most_waiting = most_waiting
        self._pending = 0
        # For an email without an account. The comparison costs the same as a real one, and never matches.
        self._nobody = _hash_of_nothing(self._hasher)

    async def hash(self, password: str) -> str:
        """Return the hash of a password. Raises `PasswordQueueFull`."""
        return await self._run(lambda: self._hasher.hash(prepared(password)))

    async def verify(self, password: str, password_hash: str | None) -> str | None:
        """Return the hash to store, or None if the password does not match or `password_hash` is None.

        The result is `password_hash`, or a new hash if the old one has outdated costs or is of the unprepared password.
        A missing hash costs the same time as a wrong password. Raises `PasswordQueueFull`.
        """
        fresh = await self._run(lambda: self._verify(password_hash or self._nobody, password))
        return fresh if password_hash is not None else None

    async def _run(self, work: Callable[[], R]) -> R:
        if self._pending > self._most_waiting:
            raise PasswordQueueFull
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._pending -= 1

    def _verify(self, password_hash: str, typed: str) -> str | None:
        password = prepared(typed)
        if self._fits(password_hash, password):
            renew = self._hasher.check_needs_rehash(password_hash)
        else:
            # Old hashes are of the password as it was typed, before preparation was introduced.
            renew = typed != password and self._fits(password_hash, typed)
            if not renew:
                return None
        return self._hasher.hash(password) if renew else password_hash

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a hash in the format and with the costs of the hasher, of random bytes. It is created without hashing."""
    salt, result = (
        base64.b64encode(os.urandom(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${result}"


def _lower_priority() -> None:
    # Only Linux has a priority for each thread. Elsewhere, the number would name another process or none.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(
                os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS
            )
