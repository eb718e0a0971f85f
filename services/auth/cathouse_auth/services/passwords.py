"""Passwords, hashed with argon2id (RFC 9106) away from the event loop."""

import os

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# A hash takes 64 MiB, and the container has 384 MiB for everything. Cores must not decide: a container sees all of its
# host's, and with eight of them eight sign-ins at once would end it.
_MOST_AT_ONCE = 2


class Passwords:
    """Hashes and checks. One takes a core and the memory of one hash, so two at most run at once; the others wait
    their turn, and the event loop stays free."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = anyio.CapacityLimiter(min(_MOST_AT_ONCE, os.cpu_count() or 1))
        # What a password is compared with when no one has the email: it costs the same, and never fits.
        self._nobody = self._hasher.hash(os.urandom(32))

    async def hash(self, password: str) -> str:
        return await anyio.to_thread.run_sync(self._hasher.hash, password, limiter=self._turns)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password; always False where there is no hash, after the same time."""
        fits = await anyio.to_thread.run_sync(
            self._verify, password_hash or self._nobody, password, limiter=self._turns
        )
        return fits and password_hash is not None

    async def renewed(self, password: str, password_hash: str) -> str:
        """The hash of a password; a new one where it was made with other costs than today's."""
        if self._hasher.check_needs_rehash(password_hash):
            return await self.hash(password)
        return password_hash

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
