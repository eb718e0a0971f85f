"""Passwords: prepared as RFC 8265 says, hashed with argon2id (RFC 9106) away from the event loop."""

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

# Beyond it the last one would wait for seconds, and those who send more for minutes.
_MOST_WAITING = 20
# A third of the share of a thread of normal priority: enough for the event loop, and hashing never stands still.
_NICENESS = 5

R = TypeVar("R")


def prepared(password: str) -> str:
    """The one form of a password, however it was typed: NFC, and every kind of space the ASCII one (RFC 8265, section
    4.2.2). The cost grows with the square of the length, which the caller bounds."""
    spaces = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaces)


class Passwords:
    """Hashes and checks, one at a time: a hash takes a core, and 64 MiB of the container's memory.

    It runs in a thread of low priority, and in that thread alone, so that the event loop gets a core when it needs one.
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, most_waiting: int = _MOST_WAITING
    ) -> None:
        # One lane: with four, one hash would take four cores, or four times its share of a container's.
        self._hasher = hasher or PasswordHasher(parallelism=1)
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=_lower_priority)
        self._most_waiting = most_waiting
        self._pending = 0
        # What a password is compared with when no one has the email: it costs the same, and never fits.
        self._nobody = _hash_of_nothing(self._hasher)

    async def hash(self, password: str) -> str:
        """Raises `PasswordQueueFull`."""
        return await self._run(lambda: self._hasher.hash(prepared(password)))

    async def verify(self, password: str, password_hash: str | None) -> str | None:
        """The hash to keep for a password: `password_hash`, or a new one where that was made with other costs than
        today's, or of the password as it was typed. None where it is another password, and, after the same time, where
        there is no hash. Raises `PasswordQueueFull`."""
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
            # Hashes made before passwords were prepared are of what was typed.
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
    """A hash as the hasher's are, of random bytes in the place of a result: it is made without hashing."""
    salt, result = (
        base64.b64encode(os.urandom(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${result}"


def _lower_priority() -> None:
    # Linux knows a priority for each thread; elsewhere the number would name another process, or none.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(
                os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS
            )
