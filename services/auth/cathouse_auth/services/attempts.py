"""How often someone may try to sign in or to register, by address and by account.

Everything that tries an account's password counts for the account, wherever it comes from: many addresses together
have no more guesses than one.
"""

import hashlib

from cathouse_kit.addresses import network_of
from cathouse_kit.problems import TooManyRequests
from cathouse_kit.rate_limits import RateLimiter
from limits import RateLimitItem

from cathouse_auth.settings import Settings


class Attempts:
    """Counts in the store of rate limits. Every method raises `TooManyRequests` where it was too often, and
    `RateLimitsUnavailable` where the store does not answer."""

    def __init__(self, rate_limits: RateLimiter, settings: Settings) -> None:
        self._rate_limits = rate_limits
        self._settings = settings

    async def sign_in(self, address: str, email: str) -> None:
        await self._count(
            self._settings.login_limit_by_address, "login", "address", network_of(address)
        )
        await self.password(email)

    async def password(self, email: str) -> None:
        """For the passwords of those who are signed in; counts together with `sign_in`."""
        await self._count(
            self._settings.login_limit_by_account, "login", "account", _pseudonym(email)
        )

    async def register(self, address: str, email: str) -> None:
        await self._count(
            self._settings.register_limit_by_address, "register", "address", network_of(address)
        )
        await self._count(
            self._settings.register_limit_by_account, "register", "account", _pseudonym(email)
        )

    async def _count(self, limit: RateLimitItem, *key: str) -> None:
        window = await self._rate_limits.hit(limit, "auth", *key)
        if not window.allowed:
            raise TooManyRequests(window.reset_seconds)


def _pseudonym(email: str) -> str:
    # The store may be shared, copied and logged; no one's email should be.
    return hashlib.sha256(email.encode()).hexdigest()
