"""Limits on attempts to sign in and to register, by address and by account.

Wrong passwords count for the account, from all addresses together: many addresses have no more guesses than one. An
address that signed in to the account lately has its own count, so guesses from elsewhere do not lock out the owner.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cathouse_kit.addresses import network_of
from cathouse_kit.problems import TooManyRequests
from cathouse_kit.rate_limits import RateLimiter
from limits import RateLimitItem

from cathouse_auth.services.emails import email_key
from cathouse_auth.services.errors import WrongCredentials, WrongPassword
from cathouse_auth.settings import Settings

KNOWN_SECONDS = 30 * 24 * 3600
"""Time for which an account remembers an address after a sign-in from it."""


class Attempts:
    """Attempts, counted in the store of rate limits.

    Every method raises `TooManyRequests` beyond the limit, and `RateLimitsUnavailable` if the store does not respond.
    """

    def __init__(self, rate_limits: RateLimiter, settings: Settings) -> None:
        self._rate_limits = rate_limits
        self._settings = settings

    async def sign_in_from(self, address: str) -> None:
        await self._count(
            self._settings.login_limit_by_address, "login", "address", network_of(address)
        )

    async def register_from(self, address: str) -> None:
        await self._count(
            self._settings.register_limit_by_address, "register", "address", network_of(address)
        )

    async def register(self, email: str) -> None:
        await self._count(
            self._settings.register_limit_by_account, "register", "account", _pseudonym(email)
        )

    @asynccontextmanager
    async def password(self, address: str, email: str) -> AsyncIterator[None]:
        """Count one attempt at the password of an account.

        It counts while the block runs, so simultaneous attempts cannot exceed the limit. It still counts afterwards if
        the block raises `WrongCredentials` or `WrongPassword`.
        """
        known = ("known", _pseudonym(email, network_of(address)))
        if await self._rate_limits.remembers("auth", *known):
            key = ("login", *known)
        else:
            key = ("login", "account", _pseudonym(email))
        limits = (
            self._settings.login_limit_by_account,
            self._settings.login_daily_limit_by_account,
        )
        counted = []
        try:
            for limit in limits:
                await self._count(limit, *key)
                counted.append(limit)
            yield
        except (WrongCredentials, WrongPassword):
            raise
        except BaseException:
            await self._give_back(counted, *key)
            raise
        await self._give_back(counted, *key)
        await self._rate_limits.remember(KNOWN_SECONDS, "auth", *known)

    async def _count(self, limit: RateLimitItem, *key: str) -> None:
        window = await self._rate_limits.hit(limit, "auth", *key)
        if not window.allowed:
            raise TooManyRequests(window.reset_seconds)

    async def _give_back(self, limits: list[RateLimitItem], *key: str) -> None:
        for limit in limits:
            await self._rate_limits.give_back(limit, "auth", *key)


def _pseudonym(email: str, *more: str) -> str:
    # The store may be shared, copied or logged, and emails must not be.
    return hashlib.sha256("\n".join((email_key(email), *more)).encode()).hexdigest()
